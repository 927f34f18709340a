r"""Who receives a bonus: a logit on levels, tenure, ratings and promotion, with worker effects (Table 2). Section 7a."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import Field, PositiveFloat

from bayes_labor.custom_ops.likelihoods import conditional_logit_likelihood, marginal_logit_likelihood
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.likelihoods.logit_panel import NODES
from bayes_labor.models.bonuses.design import UNIT, Block, Regressors, bonus_design
from bayes_labor.models.notes import note_left_out, start_at, start_there
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import logit_pilot, rotated_normal, started
from bayes_labor.models.priors import Prior, Relative
from bayes_labor.numerics.groups import Groups


class ReceiptSpec(Regressors):
    """What explains the receipt of bonuses, and how worker effects are met."""

    blocks: tuple[Block, ...] = ("levels", "tenure", "ratings", "promoted")
    effects: Literal["integrated", "sampled", "conditional", "none"] = "integrated"
    """``integrated``: summed out by a trapezoid; ``sampled``: every effect is a variable; ``conditional``: given each worker's
    total they drop out, and workers who always or never received one with them, and so do worker means and demographics;
    ``none``: pooled, and no worker means."""
    slope: PositiveFloat = 2.5
    """Normal of every coefficient."""
    effect: PositiveFloat = 2.0
    """Half-normal of the worker effects' standard deviation."""
    nodes: int = Field(default=NODES, ge=9)
    """Of the trapezoid."""

    @property
    def rows(self) -> dict[str, Prior]:
        """Priors by parameter."""
        found = {"theta": Prior("normal", (0.0, self.slope), "theta (every coefficient, log odds)")}
        if self.formula:
            found["own"] = Prior("normal", (0.0, Relative(self.slope, UNIT)), "own covariates, and their worker means")
        if self.effects in ("integrated", "sampled"):
            found["tau"] = Prior("half normal", (self.effect,), "tau (worker effects)")
        return found

    def design(self, panel: Personnel) -> PanelDesign:
        """The regression on all rated rows, or on all rows where ratings are no regressor."""
        rated = "ratings" in self.blocks and "rating" in panel.table
        rows = panel.table[panel.table["rating"].notna()] if rated else panel.table
        conditional = self.effects == "conditional"
        if conditional and not rows["id"].duplicated().any():
            what = "the conditional likelihood needs workers with several years"
            raise DataFaults([Fault(what, panel.name, "effects='integrated', which one year is fitted with")])
        dropped = {"conditional": {"means": False, "demographics": False}, "none": {"means": False}}.get(self.effects, {})
        within = self.model_copy(update=dropped)
        found = bonus_design(panel, within, rows=rows, outcome="receipt", within=conditional, priors=self.table)
        return _given_workers(found) if conditional else found


def _given_workers(design: PanelDesign) -> PanelDesign:
    """Without what drops out with the worker effects: the intercept, and covariates that never vary within workers, by name."""
    fixed = [design.terms[i] for i in design.places("worker")]
    for term in ("intercept", *fixed):
        design = design.without(term)
    return replace(design, left_out=design.left_out | dict.fromkeys(fixed, "never varies within workers"))


def bonus_receipt(panel: Personnel, spec: ReceiptSpec | None = None, **settings: Any) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    panel
        The panel; rated rows are used. Without year effects slopes of level absorb any rise of bonuses over time.
    spec
        A :class:`ReceiptSpec`; or ``**settings``, its fields.

    Returns
    -------
    pm.Model
        Free variables ``theta_rotated``, with effects ``tau`` (not where nobody has two rows), and ``effect`` by worker where
        they are sampled; deterministic ``theta`` by term. The observed variable ``received`` is 0 or 1 by row; a refit
        replaces ``observed_receipt``.

    Raises
    ------
    DataFaults
        For settings or columns that are not there, or workers of one year only where effects are conditioned upon.

    """
    spec = spec or ReceiptSpec(**settings)
    design = spec.design(panel)
    won, groups = design.outcome, design.groups
    if won.min() == won.max():
        who = "everybody has" if won.all() else "nobody has"
        raise DataFaults([Fault(f"{who} a bonus: nothing tells who receives one", panel.name, "check the column bonus")])
    pilot = logit_pilot(won, design.columns, design.prior_sd)
    with pm.Model(coords={"term": list(design.terms)}) as model:
        x, _ = rotated_normal("theta", pilot, design.prior_mean, design.prior_sd, "term")
        index = pilot.fitted(design.columns, x)
        observed = pm.Data("observed_receipt", won)
        note_left_out(design.left_out)
        if groups.repeated and spec.effects in ("integrated", "sampled"):
            tau = started("tau", spec.table["tau"], 1.0)
        if groups.repeated and spec.effects == "sampled":
            effect = pm.Normal("effect", 0.0, 1.0, shape=len(groups.labels))
            start_at(effect=np.zeros(len(groups.labels)))
            start_there()
            index = index + tau * effect[groups.row]
        if not groups.repeated or spec.effects in ("sampled", "none"):
            pm.Bernoulli("received", logit_p=index, observed=observed)
        elif spec.effects == "conditional":
            _observe_given_totals(index, won, groups, observed)
        else:
            _observe_integrated(index, tau, groups, spec.nodes, observed)
    return model


def _observe_integrated(index: Any, tau: Any, groups: Groups, nodes: int, observed: Any) -> None:
    """Outcomes with effects tau v, v standard normal, integrated out."""

    def log_density(value: Any, index: Any, tau: Any) -> Any:
        return marginal_logit_likelihood(index, pt.log(tau), value, pt.constant(groups.offsets), nodes)

    def random(index: np.ndarray, tau: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
        rng = np.random.default_rng() if rng is None else rng
        odds = index + tau * rng.normal(size=len(groups.labels))[groups.row]
        return (rng.random(len(odds)) < 1.0 / (1.0 + np.exp(-odds))).astype(np.float64)

    pm.CustomDist("received", index, tau, logp=log_density, random=random, signature="(n),()->(n)", observed=observed)


def _observe_given_totals(index: Any, won: np.ndarray, groups: Groups, observed: Any) -> None:
    """Outcomes given each worker's total, in which effects drop out."""

    def log_density(value: Any, index: Any) -> Any:
        return conditional_logit_likelihood(index, value, pt.constant(groups.offsets))

    def random(index: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
        rng = np.random.default_rng() if rng is None else rng
        return _given_totals(index, won, groups.offsets, rng)

    pm.CustomDist("received", index, logp=log_density, random=random, signature="(n)->(n)", observed=observed)


def _given_totals(odds: np.ndarray, won: np.ndarray, offsets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Outcomes with each worker's observed total: rows are drawn one by one, each given what is left to win."""
    drawn = np.zeros(len(odds))
    for first, last in pairwise(offsets):
        own, left = odds[first:last], int(won[first:last].sum())
        ways = np.full((len(own) + 1, left + 1), -np.inf)  # log sums over ways to win k of the rows from t on
        ways[len(own), 0] = 0.0
        for t in range(len(own) - 1, -1, -1):
            ways[t] = np.logaddexp(ways[t + 1], np.append(-np.inf, ways[t + 1, :-1] + own[t]))
        for t in range(len(own)):
            if left > 0 and rng.random() < np.exp(ways[t + 1, left - 1] + own[t] - ways[t, left]):
                drawn[first + t], left = 1.0, left - 1
    return drawn
