"""Each bonus, increase and promotion: observed, drawn anew, and the log density of all that is known of a worker."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytensor.tensor as pt
import xarray as xr
from pytensor import function

from bayes_labor.data.bonuses.personnel import Personnel
from bayes_labor.likelihoods.logit_panel import conditional_logit, marginal_logit
from bayes_labor.likelihoods.paired_effects import paired_likelihood
from bayes_labor.models import (
    BonusSpec,
    HurdleSpec,
    PrizeSpec,
    ReceiptSpec,
    bonus_hurdle,
    bonus_receipt,
    bonus_size,
    promotion_prize,
)
from bayes_labor.models.bonuses.hurdle import drawn_hurdle, hurdle_terms
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses.comparison import worker_log_likelihood
from bayes_labor.posteriors.bonuses.results import coefficients, spreads
from bayes_labor.posteriors.observed import (
    Observed,
    by_draw,
    by_model,
    dataset,
    each_unit,
    linear_panel_rows,
    parameters_at,
    rows_and_units,
)


def observed_sizes(spec: BonusSpec, panel: Personnel, tree: xr.DataTree, seed: int) -> Observed:
    """Variable ``log_bonus`` by row; units are workers, whose effects are summed out. As the model has it with the mixture."""
    if spec.ratings == "mixture":
        return by_model(bonus_size(panel, spec), tree, seed)
    design, rng, scales = spec.design(panel), np.random.default_rng(seed), spreads(tree)
    posterior, theta = tree["posterior"].to_dataset(), coefficients(tree, design.terms)
    nu = scales["nu"].to_numpy() if "nu" in scales else [None] * len(theta)
    spread = zip(scales["sigma"].to_numpy(), scales["tau"].to_numpy(), nu, strict=True)
    made = [linear_panel_rows(design.columns @ t, s, design.groups, rng) for t, s in zip(theta, spread, strict=True)]
    terms = worker_log_likelihood(tree, panel, spec, size=len(theta))
    return _of_workers("log_bonus", design, posterior, made, terms.to_numpy())


def observed_receipts(spec: ReceiptSpec, panel: Personnel, tree: xr.DataTree, seed: int) -> Observed:
    """Variable ``received``, 0 or 1 by row; units are workers, or rows where effects are sampled or there are none."""
    design, model, rng = spec.design(panel), bonus_receipt(panel, spec), np.random.default_rng(seed)
    if spec.effects in ("sampled", "none") or not design.groups.repeated:
        return by_model(model, tree, seed)
    posterior, draw, offsets = tree["posterior"].to_dataset(), model["received"].owner.op, design.groups.offsets
    made, terms = [], []
    for given in parameters_at(model, "received", posterior):
        made.append(_drawn(draw, given, rng))
        terms.append(each_unit(partial(_receipt_of_one, spec, given[1:]), offsets, given[0], design.outcome))
    wins = np.bincount(design.groups.row, design.outcome)
    told = (wins > 0) & (wins < design.groups.counts) if spec.effects == "conditional" else wins >= 0  # others say nothing
    return _of_workers("received", design, posterior, made, [t[told] for t in terms], design.groups.labels[told])


def _receipt_of_one(spec: ReceiptSpec, tau: list[np.ndarray], index: np.ndarray, won: np.ndarray) -> tuple[Any, ...]:
    offsets = np.array([0, len(won)])
    if spec.effects == "conditional":
        return conditional_logit(index, won, offsets)
    return marginal_logit(index, np.log(np.atleast_1d(tau[0])), won, offsets, spec.nodes)


def observed_hurdles(spec: HurdleSpec, panel: Personnel, tree: xr.DataTree, seed: int) -> Observed:
    """Variables ``received`` (0 or 1), and ``log_bonus`` where there is one; units are workers, in all."""
    design, model, rng = spec.design(panel), bonus_hurdle(panel, spec), np.random.default_rng(seed)
    posterior, groups, won = tree["posterior"].to_dataset(), design.odds.groups, design.odds.outcome
    n, paid = len(won), won > 0
    residual, index, *scales = pt.vector(), pt.vector(), pt.scalar(), pt.scalar(), pt.scalar(), pt.scalar()
    terms_of = function([residual, index, *scales], hurdle_terms(pt.constant(won), residual, index, tuple(scales), groups))
    made: dict[str, list[np.ndarray]] = {"received": [], "log_bonus": []}
    terms = []
    for given in parameters_at(model, "received_and_size", posterior):
        odds, mean, *spread = given[:6]
        received, log_bonus = drawn_hurdle(odds, mean, tuple(spread), groups, rng)
        made["received"].append(received.astype(np.float64))
        made["log_bonus"].append(log_bonus[paid])
        moved, narrower, sizes = terms_of(design.size.outcome - mean, odds, *spread)
        own = [
            marginal_logit(moved[a:b], narrower[g : g + 1], won[a:b], np.array([0, b - a]), spec.nodes)[0]
            for g, (a, b) in enumerate(pairwise(groups.offsets))
        ]
        terms.append(np.array(own) + sizes)
    dims = {"received": "row", "log_bonus": "row with a bonus"}
    known = {"row": np.arange(n), "row with a bonus": np.flatnonzero(paid), "person": ("row", groups.labels[groups.row])}
    observed = {"received": ("row", won), "log_bonus": (dims["log_bonus"], design.size.outcome[paid])}
    replicated = {name: by_draw(values, posterior, (dims[name],)) for name, values in made.items()}
    density = dataset(posterior, {"worker": groups.labels}, career=by_draw(terms, posterior, ("worker",)))
    return Observed(xr.Dataset(observed, known), dataset(posterior, known, **replicated), density)


def observed_prizes(spec: PrizeSpec, panel: Personnel, tree: xr.DataTree, seed: int) -> Observed:
    """Variables ``promoted`` (0 or 1), ``log_increase`` and ``log_bonus``, each by its rows; units are workers, in all."""
    design, model, rng = spec.design(panel), promotion_prize(panel, spec), np.random.default_rng(seed)
    posterior, n = tree["posterior"].to_dataset(), len(design.increase_rows)
    outcomes = {"promoted": design.promotion, "log_increase": design.increase, "log_bonus": design.bonus}
    made: dict[str, list[np.ndarray]] = {name: [] for name in outcomes}
    terms, draw = [], model["rises_and_bonuses"].owner.op
    both = zip(parameters_at(model, "promoted", posterior), parameters_at(model, "rises_and_bonuses", posterior), strict=True)
    for (chance,), given in both:
        drawn = _drawn(draw, given, rng)
        made["promoted"].append((rng.random(len(chance)) < chance).astype(np.float64))
        made["log_increase"].append(drawn[:n])
        made["log_bonus"].append(drawn[n:])
        own = np.log(np.where(design.promotion.outcome > 0, chance, 1.0 - chance))
        terms.append(np.bincount(design.promotion.groups.row, own) + _prizes_of_all(design, given))
    rows = {name: f"row of {name}" for name in outcomes}
    known = {r: np.arange(len(outcomes[name].outcome)) for name, r in rows.items()}
    observed = xr.Dataset({name: (rows[name], d.outcome.astype(np.float64)) for name, d in outcomes.items()}, known)
    replicated = {name: by_draw(values, posterior, (rows[name],)) for name, values in made.items()}
    density = by_draw(terms, posterior, ("worker",))
    workers = design.promotion.groups.labels
    return Observed(
        observed, dataset(posterior, known, **replicated), dataset(posterior, {"worker": workers}, career=density)
    )  # fmt: skip


def _prizes_of_all(design: Any, given: list[np.ndarray]) -> np.ndarray:
    """(G,) of the workers who were at risk of promotion; zero for those without an increase and a bonus."""
    increase, bonus, loading, scales = given[:4]
    first, second = design.increase_workers, design.bonus_workers
    left = design.increase.outcome - increase, design.bonus.outcome - bonus
    found = np.empty(len(first.labels))
    for g, (a, b, c, d) in enumerate(zip(first.offsets, first.offsets[1:], second.offsets, second.offsets[1:], strict=False)):
        offsets = np.array([0, b - a]), np.array([0, d - c])
        found[g] = paired_likelihood(left[0][a:b], left[1][c:d], loading[c:d], scales, *offsets)[0]
    everybody = design.promotion.groups.labels
    spread = np.zeros(len(everybody))
    spread[np.searchsorted(everybody, first.labels)] = found
    return spread


def _drawn(operation: Any, given: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """What an observed variable's own generator makes at given parameters."""
    return np.asarray(operation.rng_fn(rng, *given, None))


def _of_workers(
    name: str, design: PanelDesign, posterior: xr.Dataset, made: Any, terms: Any, workers: np.ndarray | None = None
) -> Observed:
    groups = design.groups
    units = groups.labels if workers is None else workers
    return rows_and_units(posterior, name, design.outcome, {"person": groups.labels[groups.row]}, made, "worker", units, terms)
