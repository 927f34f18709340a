r"""Receipt and size of bonuses as one model: who receives one, and how large it is, with correlated worker effects.

Log odds of a bonus x'b + tau v_i; its log, where there is one, x'c + mu_i + e. Both v_i and mu_i / sd_mu are standard normal
with correlation ``corr``: workers who are likelier to have a bonus may have larger ones. Sizes alone, as in
:func:`bayes_labor.models.bonus_size`, see only bonuses that were paid, mostly of such workers; jointly the rows without one
speak too.

Given v the sizes of a worker are normal, and as a function of v their density is exp(a + B v - C v^2 / 2). So is the prior of
v: the integral over v is that of the logit alone, log odds moved by tau B / (1 + C) and tau divided by sqrt(1 + C).
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import Field, PositiveFloat

from bayes_labor.custom_ops.likelihoods import marginal_logit_likelihood
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.likelihoods.logit_panel import NODES
from bayes_labor.models.bonuses.design import BLOCKS, UNIT, Block, Regressors, bonus_design
from bayes_labor.models.laws import of_terms
from bayes_labor.models.notes import note_left_out
from bayes_labor.models.panel_design import PanelDesign, told_apart
from bayes_labor.models.pilot import logit_pilot, panel_pilot, rotated_normal, started
from bayes_labor.models.priors import Prior, Relative
from bayes_labor.numerics.groups import Groups
from bayes_labor.numerics.normal import HALF_LOG_2PI


class HurdleSpec(Regressors):
    """What explains both receipt and size of bonuses; worker means are over all rows, with a bonus or not."""

    by_term: ClassVar[tuple[str, ...]] = ("odds", "theta")
    blocks: tuple[Block, ...] = BLOCKS
    slope: PositiveFloat = 2.5
    """Normal of every coefficient of the log odds."""
    spread: PositiveFloat = 2.0
    """Half-normal of the standard deviation of the effects on log odds."""
    error: PositiveFloat = 1.0
    """Half-normals of the standard deviations of errors and of worker effects of the log bonus."""
    effect: PositiveFloat = 1.0
    correlated: bool = True
    """Whether the worker effects on log odds and on size are correlated; else the two are separate models."""
    nodes: int = Field(default=NODES, ge=9)
    """Of the trapezoid, where the integrand is nearly normal."""

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by equation, by block of coefficients of the log bonus, and by parameter."""
        found = {"odds": Prior("normal", (0.0, self.slope), "odds of a bonus, every coefficient")}
        if self.formula:
            found["own odds"] = Prior("normal", (0.0, Relative(self.slope, UNIT)), "odds, own covariates")
        corr = {"corr": Prior("uniform", (-1.0, 1.0), "correlation of the effects")} if self.correlated else {}
        return (
            found
            | self.coefficients
            | {
                "tau": Prior("half normal", (self.spread,), "tau (worker effects, log odds)"),
                "sd_mu": Prior("half normal", (self.effect,), "sd of mu (worker effects, log bonus)"),
                "sigma": Prior("half normal", (self.error,), "sigma (errors of the log bonus)"),
            }
            | corr
        )

    def design(self, panel: Personnel) -> "HurdleDesign":
        """Both regressions, on all rated rows, or on all rows where ratings are no regressor.

        Raises
        ------
        DataFaults
            For columns that the panel lacks, and where nobody or everybody has a bonus, or nobody has two rows.

        """
        rated = "ratings" in self.blocks and "rating" in panel.table
        rows = panel.table[panel.table["rating"].notna()] if rated else panel.table
        priors = {"theta": self.table["odds"]} | ({"own": self.table["own odds"]} if self.formula else {})
        priors |= {f"theta[{t}]": p for t, p in of_terms(self.table, "odds").items()}
        odds = bonus_design(panel, self, rows=rows, outcome="receipt", priors=priors)
        won = odds.outcome > 0
        if won.all() or not won.any():
            who = "everybody has" if won.all() else "nobody has"
            raise DataFaults([Fault(f"{who} a bonus: nothing tells who receives one", panel.name, "check the column bonus")])
        if not odds.groups.repeated:
            remedy = "fit bonuses.receipt and bonuses.size one by one: without worker effects they are separate models"
            raise DataFaults([Fault("nobody has two rows: no worker effects to correlate", panel.name, remedy)])
        return HurdleDesign(odds, _sizes(panel, self, rows, odds, won))


@dataclass(frozen=True)
class HurdleDesign:
    """The two regressions on the same N rows."""

    odds: PanelDesign
    """Whether there is a bonus."""
    size: PanelDesign
    """Its log, 0 where there is none."""

    @property
    def left_out(self) -> dict[str, str]:
        """Why, by name, of what the rows cannot tell of either."""
        return self.odds.left_out | {f"size: {n}": why for n, why in self.size.left_out.items()}

    @property
    def outcome(self) -> np.ndarray:
        """(2 N,) whether there is a bonus, then its log."""
        return np.concatenate([self.odds.outcome, self.size.outcome])

    @property
    def paid(self) -> PanelDesign:
        """The regression of sizes on the rows with a bonus."""
        won = self.odds.outcome > 0
        s = self.size
        return replace(s, outcome=s.outcome[won], columns=s.columns[won], groups=s.groups.at(np.flatnonzero(won)))


def _sizes(panel: Personnel, spec: HurdleSpec, rows: Any, odds: PanelDesign, won: np.ndarray) -> PanelDesign:
    """The regression of the log bonus, without what the rows with one cannot tell."""
    found = bonus_design(panel, spec, rows=rows, outcome="receipt")
    y = np.log(np.where(won, odds.table["bonus"].to_numpy(np.float64), 1.0))
    kept, why = told_apart(list(found.terms[1:]), found.columns[won][:, 1:])
    at = [0, *(k + 1 for k in kept)]
    mean = found.prior_mean[at]
    if not {"intercept", "theta[intercept]"} & set(spec.priors):
        mean[0] = y[won].mean()
    terms, blocks = tuple(found.terms[i] for i in at), tuple(found.blocks[i] for i in at)
    columns, sd = found.columns[:, at], found.prior_sd[at]
    return PanelDesign(y, columns, terms, blocks, mean, sd, found.groups, found.table, why)


def bonus_hurdle(panel: Personnel, spec: HurdleSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    panel
        The panel; rated rows are used, with a bonus or not.
    spec
        A :class:`HurdleSpec`; or ``**settings``, its fields.

    Returns
    -------
    pm.Model
        Coefficients ``odds`` of the log odds and ``theta`` of the log bonus by term (deterministic; sampled in a pilot's
        coordinates), ``tau``, ``sd_mu``, ``sigma`` and, where effects are correlated, ``corr``. The observed variable
        ``received_and_size`` has whether there is a bonus by row and then its log, 0 where there is none; a refit replaces
        ``observed_received_and_size``.

    Raises
    ------
    DataFaults
        For settings or columns that are not there, and where nothing tells who receives a bonus.

    """
    spec = spec or HurdleSpec(**settings)
    design = spec.design(panel)
    odds, size = design.odds, design.size
    by_odds, (by_size, sigma_start, sd_start) = logit_pilot(odds.outcome, odds.columns, odds.prior_sd), panel_pilot(design.paid)
    with pm.Model(coords={"odds_term": list(odds.terms), "term": list(size.terms)}) as model:
        note_left_out(design.left_out)
        x, _ = rotated_normal("odds", by_odds, odds.prior_mean, odds.prior_sd, "odds_term")
        z, _ = rotated_normal("theta", by_size, size.prior_mean, size.prior_sd, "term")
        tau = started("tau", spec.table["tau"], 1.0)
        sd_mu, sigma = started("sd_mu", spec.table["sd_mu"], sd_start), started("sigma", spec.table["sigma"], sigma_start)
        corr = spec.table["corr"].place("corr") if spec.correlated else pt.constant(0.0)
        index, mean = by_odds.fitted(odds.columns, x), by_size.fitted(size.columns, z)
        _observe(design.outcome, odds.groups, (index, mean, tau, sd_mu, sigma, corr), spec.nodes)
    return model


def _observe(outcome: np.ndarray, groups: Groups, parameters: tuple[Any, ...], nodes: int) -> None:
    """Receipt and size with both worker effects integrated out, added to the model being built."""
    n = len(groups.row)

    def log_density(value: Any, index: Any, mean: Any, tau: Any, sd_mu: Any, sigma: Any, corr: Any, _: Any) -> Any:
        return hurdle_log_likelihood(value[:n], value[n:] - mean, index, (tau, sd_mu, sigma, corr), groups, nodes)

    def random(
        index: Any, mean: Any, tau: Any, sd_mu: Any, sigma: Any, corr: Any, _: Any,
        rng: np.random.Generator | None = None, size: Any = None,
    ) -> np.ndarray:  # fmt: skip
        rng = np.random.default_rng() if rng is None else rng
        won, sizes = drawn_hurdle(index, mean, (tau, sd_mu, sigma, corr), groups, rng)
        return np.concatenate([won, np.where(won, sizes, 0.0)])

    pm.CustomDist(
        "received_and_size",
        *(*parameters, pt.constant(outcome)),
        logp=log_density,
        random=random,
        signature="(n),(n),(),(),(),(),(k)->(k)",
        observed=pm.Data("observed_received_and_size", outcome),
    )


def drawn_hurdle(
    index: np.ndarray, mean: np.ndarray, scales: tuple[Any, ...], groups: Groups, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(whether there is a bonus (N,), its log (N,) if there is or were one) of workers drawn anew."""
    tau, sd_mu, sigma, corr = scales
    v, w = rng.normal(size=(2, len(groups.labels)))
    mu = sd_mu * (corr * v + np.sqrt(1.0 - corr**2) * w)
    won = rng.random(len(index)) < 1.0 / (1.0 + np.exp(-(index + tau * v[groups.row])))
    return won, mean + mu[groups.row] + sigma * rng.normal(size=len(index))


def hurdle_log_likelihood(
    won: Any, residual: Any, index: Any, scales: tuple[Any, Any, Any, Any], groups: Groups, nodes: int = NODES
) -> Any:
    """Symbolic log likelihood of receipt and size, correlated normal worker effects integrated out.

    Parameters
    ----------
    won
        (N,) 0 or 1; a worker's rows are adjacent.
    residual
        (N,) log bonus less its mean without the worker effect; of no account where ``won`` is 0.
    index
        (N,) log odds without the worker effect.
    scales
        tau, sd_mu, sigma > 0 and the correlation in (-1, 1).
    groups
        Workers of the rows.
    nodes
        See :func:`bayes_labor.likelihoods.logit_panel.marginal_logit`.

    """
    moved, narrower, sizes = hurdle_terms(won, residual, index, scales, groups)
    return marginal_logit_likelihood(moved, narrower, won, pt.constant(groups.offsets), nodes) + pt.sum(sizes)


def hurdle_terms(
    won: Any, residual: Any, index: Any, scales: tuple[Any, Any, Any, Any], groups: Groups
) -> tuple[Any, Any, Any]:
    """What the sizes of bonuses make of the logit: (log odds (N,), log tau (G,), log density of the sizes by worker (G,)).

    The three add up to :func:`hurdle_log_likelihood`, whose arguments these are.
    """
    tau, sd_mu, sigma, corr = scales
    row, zeros = pt.constant(groups.row), pt.zeros(len(groups.labels))
    paid, total, squares = (zeros[row].inc(v) for v in (won, won * residual, won * residual**2))
    own, shared = sd_mu**2 * (1.0 - corr**2), sd_mu * corr
    spread = sigma**2 + paid * own  # of a worker's mean error, times the number of bonuses
    tilt, added = shared * total / spread, shared**2 * paid / spread
    precision = 1.0 + added
    sizes = paid * (2.0 * HALF_LOG_2PI + 2.0 * pt.log(sigma)) + pt.log(spread) - 2.0 * pt.log(sigma)
    sizes = sizes + (squares - own * total**2 / spread) / sigma**2 + pt.log(precision) - tilt**2 / precision
    moved, narrower = index + tau * (tilt / precision)[row], pt.log(tau) - 0.5 * pt.log(precision)
    return moved, narrower, -0.5 * sizes
