"""What the posteriors of the bonus models imply: order of levels, age profile, shares of variance, predicted bonuses.

Each function takes draws and returns labelled results; tables, figures and the page are made of them.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from bayes_labor.data.bonuses.personnel import LEVELS, TENURES, Personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.bonuses.design import Block, Regressors, base_of
from bayes_labor.models.bonuses.size import BonusSpec
from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.posteriors.bonuses.classical import by_subset, shapley
from bayes_labor.posteriors.tables import CI_PROB

_TAIL = 0.5 * (1.0 - CI_PROB)
LEVEL_TERMS = tuple(f"level {k}" for k in range(2, LEVELS + 1))
RATING_TERMS = ("rating 2", "rating 3", "rating 4")
TENURE_TERMS = (*(f"tenure {k}" for k in range(2, TENURES)), f"tenure {TENURES}+")


def coefficients(draws: xr.DataTree, terms: Sequence[str], name: str = "theta") -> np.ndarray:
    """(samples, terms) draws of coefficients.

    Raises
    ------
    DataFaults
        If the model has no such term.

    """
    theta = draws["posterior"][name]
    dim = str(theta.dims[-1])
    unknown = [t for t in terms if t not in theta[dim].to_numpy()]
    if unknown:
        raise DataFaults([Fault(f"the fit has no {', '.join(unknown)}", "posterior", "add the block to the specification")])
    chosen: np.ndarray = theta.sel({dim: list(terms)}).stack(sample=("chain", "draw")).transpose("sample", dim).to_numpy()
    return chosen


class Levels(NamedTuple):
    """Terms of the levels that a regression has."""

    terms: tuple[str, ...]
    """The lowest first; the base, which has none, aside."""
    below: int
    """How many of them are below the base."""


def levels_of(panel: Personnel, spec: Regressors, design: PanelDesign) -> Levels:
    """Terms of levels in a regression of a panel."""
    base = base_of(panel, design.table["level"], "level", spec)
    known = {f"level {panel.word('level', k)}": k for k in np.unique(design.table["level"])}
    kept = [t for t in known if t in design.terms]
    return Levels(tuple(kept), sum(base is not None and float(known[t]) < base for t in kept))


_PUBLISHED_LEVELS = Levels(LEVEL_TERMS, 0)


class Ordered(NamedTuple):
    """Evidence that effects of levels rise, 0 < level 2 < ... < level 5."""

    probability: float
    """Posterior probability, with unordered priors."""
    prior: float
    """Prior probability: exchangeable effects around zero all have the right sign and order."""
    bayes_factor: float
    """Of the ordered model against the unordered one that contains it: posterior over prior probability."""
    monte_carlo_error: float
    """Of the probability, as if draws were independent."""


def ordered_levels(draws: xr.DataTree, terms: Sequence[str] = LEVEL_TERMS, below: int = 0) -> Ordered:
    """Whether effects rise from each of ``terms`` to the next, the base, which has none, after the first ``below`` of them."""
    effects, above = coefficients(draws, terms), len(terms) - below
    rising = (np.diff(np.insert(effects, below, 0.0, axis=1), axis=1) > 0).all(1)
    share = float(rising.mean())
    prior = float(1.0 / (2.0 ** len(terms) * special.factorial(below) * special.factorial(above)))
    return Ordered(share, prior, share / prior, float(np.sqrt(share * (1.0 - share) / len(rising))))


def semi_elasticity(draws: xr.DataTree, ages: np.ndarray) -> xr.DataArray:
    """(sample, age) change of the log bonus per year of age: (b_1 + 2 b_2 a) / 10, where a = (age - 39) / 10."""
    b = coefficients(draws, ["age", "age squared"])
    values = (b[:, :1] + 2.0 * b[:, 1:] * (ages - 39.0) / 10.0) / 10.0
    return xr.DataArray(values, dims=("sample", "age"), coords={"age": ages})


def turning_age(draws: xr.DataTree) -> np.ndarray:
    """(samples,) age at which bonuses stop rising, -50 gamma_1 / gamma_2 in the paper's coefficients."""
    b = coefficients(draws, ["age", "age squared"])
    age: np.ndarray = 39.0 - 10.0 * b[:, 0] / (2.0 * b[:, 1])
    return age


def paper_ages(b: np.ndarray) -> np.ndarray:
    """(..., 2) the paper's coefficients of age and age^2/100, of (..., 2) those of a and a^2, a = (age - 39) / 10."""
    return np.stack([(b[..., 0] - 7.8 * b[..., 1]) / 10.0, b[..., 1]], axis=-1)


def r2_by_draw(draws: xr.DataTree, panel: Personnel, spec: BonusSpec, *, size: int = 400) -> pd.DataFrame:
    """Shares of the variance of log bonuses, per draw: posterior mean and 94% interval.

    ``marginal``: explained by regressors, of everything; ``with worker effects``: by both; ``within``: by what varies within
    workers, of the variance there.
    """
    design = spec.design(panel)
    theta = coefficients(draws, design.terms)
    chosen = spread_evenly(len(theta), size)
    scales, theta = spreads(draws).isel(sample=chosen), theta[chosen]
    noise, effects = scales["sigma"].to_numpy() ** 2, scales["tau"].to_numpy() ** 2
    if "nu" in scales:
        nu = scales["nu"].to_numpy()
        noise = noise * np.where(nu > 2, nu / np.maximum(nu - 2.0, 1e-9), np.nan)
    inside = design.groups.within(design.columns[:, design.varying])
    products = inside.T @ inside / (len(inside) - len(design.groups.labels))
    explained = np.einsum("si,ij,sj->s", theta, np.cov(design.columns.T), theta)
    moving = np.einsum("si,ij,sj->s", theta[:, design.varying], products, theta[:, design.varying])
    total = explained + effects + noise
    shares = {"marginal": explained / total, "with worker effects": (explained + effects) / total}
    return _intervals(shares | {"within": moving / (moving + noise)}, "R2")


def spreads(draws: xr.DataTree) -> xr.Dataset:
    """``sigma``, ``tau`` (zero where there are no worker effects) and ``nu`` where there is one, by sample."""
    posterior = draws["posterior"].to_dataset()
    posterior = posterior if "tau" in posterior else posterior.assign(tau=0.0 * posterior["sigma"])
    return posterior[[n for n in ("sigma", "tau", "nu") if n in posterior]].stack(sample=("chain", "draw"))


def spread_evenly(samples: int, size: int) -> np.ndarray:
    """Places of ``size`` of so many samples, or of all."""
    return np.linspace(0, samples - 1, min(size, samples)).astype(int)


def posterior_columns(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, sd and 94% interval of (samples, terms)."""
    low, high = np.quantile(samples, [_TAIL, 1.0 - _TAIL], axis=0)
    return {"mean": samples.mean(0), "sd": samples.std(0), "hdi_low": low, "hdi_high": high}


def _intervals(samples: dict[str, np.ndarray], index: str) -> pd.DataFrame:
    """Mean, standard deviation and interval of named samples."""
    return pd.DataFrame(posterior_columns(np.stack(list(samples.values()), axis=1)), pd.Index(list(samples), name=index))


def decomposition(panel: Personnel, *, draws: int = 200, within: bool = False, seed: int = 0) -> pd.DataFrame:
    """R2 of the log bonus by block: levels, age, tenure, nested in this order and averaged over all orders (Shapley).

    Uncertainty by the Bayesian bootstrap: workers get Dirichlet weights, under which every regression is run again.

    Parameters
    ----------
    panel
        The panel; rows with a bonus are used.
    draws
        Of the weights.
    within
        Of the variance within workers instead of all of it.
    seed
        Of the weights.

    Returns
    -------
    pd.DataFrame
        One row per block and one for their sum: increments ``nested`` and ``Shapley``, with 94% intervals. Both add up.

    """
    blocks: tuple[Block, ...] = ("levels", "age", "tenure")
    design = BonusSpec(blocks=blocks, means=False, demographics=False, years="none").design(panel)
    columns = {str(b): [i + 1 for i in design.places(b)] for b in blocks}
    data = np.column_stack([design.outcome, design.columns])
    if within:
        data = design.groups.within(data)
        data[:, 1] = 1.0  # a constant stays, which then explains nothing
    starts = design.groups.offsets[:-1]
    by_worker = np.stack([np.add.reduceat(data * column[:, None], starts) for column in data.T], axis=1)
    rng = np.random.default_rng(seed)
    weights = np.vstack([np.ones(len(starts)), rng.exponential(size=(draws, len(starts)))])
    found: dict[str, list[dict[str, float]]] = {"nested": [], "Shapley": []}
    for products in np.einsum("dw,wij->dij", weights, by_worker):
        values = by_subset(blocks, partial(_r2_of_blocks, products, columns))
        nested = [values[blocks[: k + 1]] - values[blocks[:k]] for k in range(len(blocks))]
        found["nested"].append(dict(zip(blocks, nested, strict=True)))
        found["Shapley"].append(shapley(blocks, values))
    parts: dict[str, Any] = {}
    for kind, each in found.items():
        table = pd.DataFrame(each).assign(all=lambda t: t.sum(axis=1))
        parts |= {kind: table.iloc[0], f"{kind} 3%": table.iloc[1:].quantile(_TAIL)}
        parts[f"{kind} 97%"] = table.iloc[1:].quantile(1.0 - _TAIL)
    return pd.DataFrame(parts).rename_axis("block")


def _r2_of_blocks(products: np.ndarray, columns: dict[str, list[int]], subset: tuple[str, ...]) -> float:
    """Of the first column on a constant (the second) and those of some blocks, from cross products."""
    if not subset:
        return 0.0
    n, mean = products[1, 1], products[0, 1] / products[1, 1]
    x = [1, *(c for b in subset for c in columns[b])]
    slope = np.linalg.lstsq(products[np.ix_(x, x)], products[x, 0], rcond=None)[0]
    return float((slope @ products[x, 0] - n * mean**2) / (products[0, 0] - n * mean**2))


def predicted_bonus(
    draws: xr.DataTree,
    panel: Personnel,
    spec: BonusSpec,
    *,
    ages: Sequence[int] = (30, 40, 50),
    tenures: Sequence[int] = (1, 3),
) -> pd.DataFrame:
    """Mean bonus of a made-up average worker put into each cell of level, tenure and age: posterior mean and 94% interval.

    A counterfactual, not the mean of those who are there: all other regressors are at their means over the rows, worker means
    of level and age among them, so that who gets to a level makes no difference. With normal errors; the mean of
    exp(log bonus) includes both variances.
    """
    if spec.errors != "normal":
        raise DataFaults([Fault("the mean bonus is infinite under Student-t errors", "errors", "fit errors='normal'")])
    design = spec.design(panel)
    theta, scales = coefficients(draws, design.terms), spreads(draws)
    spread = 0.5 * (scales["sigma"].to_numpy() ** 2 + scales["tau"].to_numpy() ** 2)
    base = base_of(panel, design.table["level"], "level", spec)
    known = {panel.word("level", k): float(k) for k in np.unique(design.table["level"])}
    first = min(known.values()) if base is None else base
    levels = [w for w, k in known.items() if k == first or f"level {w}" in design.terms]
    cells = list(product(levels, tenures, ages))
    table = _intervals({str(c): np.exp(theta @ _typical(design, *c) + spread) for c in cells}, "cell")
    words = [tuple(map(str, c)) for c in cells]
    return table.set_axis(pd.MultiIndex.from_tuples(words, names=["level", "tenure", "age"]))


def _typical(design: PanelDesign, level: str, tenure: int, age: int) -> np.ndarray:
    """Regressors of a cell, others at their means."""
    x = design.columns.mean(0)
    a = (age - 39.0) / 10.0
    for i, (block, term) in enumerate(zip(design.blocks, design.terms, strict=True)):
        if block == "levels":
            x[i] = float(term == f"level {level}")
        elif block == "tenure":
            x[i] = float(term in (f"tenure {tenure}", f"tenure {tenure}+"))
        elif block == "age":
            x[i] = a if term == "age" else a**2
    return x


def quartiles(draws: xr.DataTree, panel: Personnel, spec: BonusSpec, *, size: int = 1000, seed: int = 0) -> xr.Dataset:
    """Quartiles of log bonuses by level: ``observed``, and posterior-predictive ``replicated`` (sample, level, quartile)."""
    design, rng = spec.design(panel), np.random.default_rng(seed)
    theta, scales = coefficients(draws, design.terms), spreads(draws)
    level, y, groups = design.table["level"].to_numpy(), design.outcome, design.groups
    chosen, cuts, shown = spread_evenly(len(theta), size), (0.25, 0.5, 0.75), np.unique(level)
    found = np.empty((len(chosen), len(shown), 3))
    for i, s in enumerate(chosen):
        sigma, tau = float(scales["sigma"][s]), float(scales["tau"][s])
        error = rng.standard_t(float(scales["nu"][s]), len(y)) if "nu" in scales else rng.normal(size=len(y))
        drawn = design.columns @ theta[s] + tau * rng.normal(size=len(groups.labels))[groups.row] + sigma * error
        found[i] = [np.quantile(drawn[level == k], cuts) for k in shown]
    seen = np.array([np.quantile(y[level == k], cuts) for k in shown])
    dims = ("level", "quartile")
    return xr.Dataset(
        {"observed": (dims, seen), "replicated": (("sample", *dims), found)}, {"level": shown, "quartile": list(cuts)}
    )


def structural_ratios(
    draws: xr.DataTree, q: float = 2.0, levels: Sequence[str] = LEVEL_TERMS, truth: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Coefficients read by the tournament: d_j/d_1 = exp(level effect / q) and s_2/s_1 = exp(effect of tenure 2 / q).

    ``q`` = p/(p-1) of the effort cost's exponent p. Exact for old workers only (section 2, step 8 of the specification).
    ``levels`` are the terms of the fit; ``truth`` by term, of a generated panel, is read in the same way.
    """
    terms = [*levels, *([TENURE_TERMS[0]] if TENURE_TERMS[0] in draws["posterior"]["theta"]["term"] else [])]
    names = ["s_2/s_1" if t == TENURE_TERMS[0] else f"d_{t.removeprefix('level ')}/d_1" for t in terms]
    table = _intervals(dict(zip(names, np.exp(coefficients(draws, terms).T / q), strict=True)), "ratio")
    if truth is not None:
        table.insert(0, "truth", [np.exp(truth[t] / q) if t in truth else np.nan for t in terms])
    return table


def predictions(
    size: xr.DataTree, rated: xr.DataTree, levels: Levels = _PUBLISHED_LEVELS, truth: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """The first four predictions of the theory with their posterior probabilities; the fifth has a table of its own.

    Parameters
    ----------
    size
        Draws of ``bonus_size`` with levels, age and tenure.
    rated
        The same with ratings.
    levels
        Terms of the levels that both have.
    truth
        Coefficients by term that a panel was generated with: whether each event holds of them.

    """
    found = _events(size, rated, levels)
    table = pd.DataFrame([(p, e, float(np.mean(v))) for p, e, v in found], columns=["prediction", "event", "probability"])
    if truth is not None:
        linear, square = truth["age"], truth["age²/100"]
        a = 10.0 * linear + 7.8 * square, square
        known = _as_draws({**truth, "age": a[0], "age squared": a[1]})
        holds = [bool(np.all(v)) for _, _, v in _events(known, known, levels)]
        table.insert(2, "truth", ["holds" if h else "does not" for h in holds])
    return table.set_index(["prediction", "event"])


def _as_draws(terms: Mapping[str, float]) -> xr.DataTree:
    """Coefficients as a posterior of one draw."""
    theta = xr.Dataset({"theta": (("chain", "draw", "term"), np.array([[list(terms.values())]]))}, {"term": list(terms)})
    return xr.DataTree.from_dict({"posterior": theta})


def _events(size: xr.DataTree, rated: xr.DataTree, levels: Levels) -> list[tuple[str, str, np.ndarray]]:
    """(prediction, event, whether it holds by draw)."""
    effects = np.insert(coefficients(size, levels.terms), levels.below, 0.0, axis=1)
    tenure, ratings = (_of_kind(draws, kind) for draws, kind in ((size, "tenure "), (rated, "rating ")))
    slope = semi_elasticity(size, np.array([30.0, 39.0, 50.0])).to_numpy()
    chain = " < ".join(["0", *levels.terms[:1], *(["..."] if len(levels.terms) > 2 else []), *levels.terms[1:][-1:]])
    return [
        ("1. bonuses rise with the level", chain, (np.diff(effects, axis=1) > 0).all(1)),
        ("2. with tenure at the level", "every class above the first year", (tenure > 0).all(1)),
        ("3. with age", "semi-elasticity above 0 at 30", slope[:, 0] > 0),
        ("", "... at 39, the mean", slope[:, 1] > 0),
        ("", "... at 50", slope[:, 2] > 0),
        ("4. with performance", "the second rating below the best", ratings[:, 0] < 0),
        ("", "every rating below the one before", (np.diff(ratings, axis=1, prepend=0.0) < 0).all(1)),
    ]


def _of_kind(draws: xr.DataTree, kind: str) -> np.ndarray:
    """(samples, terms) of the coefficients whose names begin so."""
    return coefficients(draws, [str(t) for t in draws["posterior"]["theta"]["term"].to_numpy() if str(t).startswith(kind)])
