r"""Who receives a bonus: a logit on levels, tenure, ratings and promotion, with worker effects (Table 2). Section 7a."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pydantic import Field, PositiveFloat

from bayes_labor.custom_ops.likelihoods import conditional_logit_likelihood, marginal_logit_likelihood
from bayes_labor.custom_ops.products import design_index
from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.likelihoods.logit_panel import NODES
from bayes_labor.models.bonuses.design import Block, bonus_design
from bayes_labor.models.notes import note_left_out, start_at, start_there
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.models.pilot import logit_pilot, rotated_normal
from bayes_labor.models.settings import Settings


class ReceiptSpec(Settings):
    """What explains the receipt of bonuses, and how worker effects are met."""

    blocks: tuple[Block, ...] = ("levels", "tenure", "ratings", "promoted")
    effects: Literal["integrated", "sampled", "conditional"] = "integrated"
    """``integrated``: summed out by a trapezoid; ``sampled``: every effect is a variable; ``conditional``: given each worker's
    total they drop out, and workers who always or never received one with them."""
    means: bool = True
    """Whether worker means are regressors too (not with ``conditional``, where they drop out)."""
    demographics: bool = True
    years: Literal["contrasts", "none"] = "contrasts"
    slope: PositiveFloat = 2.5
    """Normal of every coefficient."""
    effect: PositiveFloat = 2.0
    """Half-normal of the worker effects' standard deviation."""
    nodes: int = Field(default=NODES, ge=9)
    """Of the trapezoid."""

    def design(self, panel: Personnel) -> PanelDesign:
        """Regressors of all rated rows, or of all rows where ratings are no regressor."""
        rated = "ratings" in self.blocks and "rating" in panel.table
        rows = panel.table[panel.table["rating"].notna()] if rated else panel.table
        fixed = self.effects == "conditional"
        if fixed and not rows["id"].duplicated().any():
            what = "the conditional likelihood needs workers with several years"
            raise DataFaults([Fault(what, panel.name, "effects='integrated', which one year is fitted with")])
        found = bonus_design(
            panel, self.blocks, rows=rows, means=self.means and not fixed, demographics=self.demographics and not fixed,
            years=self.years, within=fixed or None,
        )  # fmt: skip
        return found.without("1") if fixed else found


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
    won = (design.table["bonus"].to_numpy() > 0).astype(np.float64)
    if won.min() == won.max():
        who = "everybody has" if won.all() else "nobody has"
        raise DataFaults([Fault(f"{who} a bonus: nothing tells who receives one", panel.name, "check the column bonus")])
    sd = np.full(len(design.terms), spec.slope)
    pilot = logit_pilot(won, design.columns, sd)
    labels, first = np.unique(design.worker, return_index=True)
    offsets = np.append(first, len(won)).astype(np.int64)
    row = np.repeat(np.arange(len(labels)), np.diff(offsets))
    rotated, offset = np.ascontiguousarray((design.columns @ pilot.scale).T), design.columns @ pilot.center
    with pm.Model(coords={"term": list(design.terms)}) as model:
        x, _ = rotated_normal("theta", pilot, np.zeros(len(sd)), sd, "term")
        index = design_index(pt.constant(rotated), x) + offset
        observed = pm.Data("observed_receipt", won)
        note_left_out(design.left_out)
        if not design.repeated:
            pm.Bernoulli("received", logit_p=index, observed=observed)
            return model
        if spec.effects == "sampled":
            tau = pm.HalfNormal("tau", spec.effect)
            effect = pm.Normal("effect", 0.0, 1.0, shape=len(labels))
            start_at(tau=1.0, effect=np.zeros(len(labels)))
            start_there()
            pm.Bernoulli("received", logit_p=index + tau * effect[row], observed=observed)
            return model
        tau = pt.constant(0.0) if spec.effects == "conditional" else pm.HalfNormal("tau", spec.effect)
        if spec.effects == "integrated":
            start_at(tau=1.0)

        def log_density(value: Any, index: Any, tau: Any) -> Any:
            if spec.effects == "conditional":
                return conditional_logit_likelihood(index, value, pt.constant(offsets))
            return marginal_logit_likelihood(index, pt.log(tau), value, pt.constant(offsets), spec.nodes)

        def random(index: np.ndarray, tau: np.ndarray, rng: np.random.Generator | None = None, size: Any = None) -> np.ndarray:
            rng = np.random.default_rng() if rng is None else rng
            odds = index + tau * rng.normal(size=len(labels))[row]
            if spec.effects == "conditional":
                return _given_totals(odds, won, offsets, rng)
            return (rng.random(len(row)) < 1.0 / (1.0 + np.exp(-odds))).astype(np.float64)

        pm.CustomDist(
            "received", index, tau, logp=log_density, random=random, signature="(n),()->(n)", observed=observed
        )  # fmt: skip
    return model


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
