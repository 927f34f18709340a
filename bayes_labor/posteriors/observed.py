"""What a user observes and what a fit says of it, draw by draw: the groups of a tree that stock ArviZ needs.

A likelihood may see cross products of a panel, or sum effects out: what is observed is each bonus or wage all the same, and
what can be left out is a worker or a workplace. A run stores neither wages nor densities; they come from its table, on demand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import xarray as xr
from pytensor import function

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.notes import notes_of
from bayes_labor.numerics.groups import Groups
from bayes_labor.posteriors.prior import quiet


class Observed(NamedTuple):
    """At the draws of a posterior."""

    data: xr.Dataset
    """What is observed, by row."""
    predictive: xr.Dataset
    """(chain, draw, row) the same rows drawn anew from the fit: effects that the likelihood sums out are others'."""
    log_likelihood: xr.Dataset
    """(chain, draw, unit) of what can be left out, one at a time."""


def thinned(draws: xr.DataTree, size: int) -> xr.DataTree:
    """Posterior and sampler statistics at about ``size`` draws, evenly spread over each chain."""
    posterior = draws["posterior"].to_dataset()
    each = min(posterior.sizes["draw"], max(size // posterior.sizes["chain"], 1))
    keep = np.unique(np.linspace(0, posterior.sizes["draw"] - 1, each).astype(int))
    groups = {g: draws[g].to_dataset().isel(draw=keep) for g in ("posterior", "sample_stats") if g in draws}
    return xr.DataTree.from_dict(groups)


def by_draw(values: Sequence[np.ndarray], posterior: xr.Dataset, dims: Sequence[str]) -> xr.Variable:
    """(sample, ...) as (chain, draw, ...), samples as they are stacked."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    shaped = np.asarray(values)
    return xr.Variable(("chain", "draw", *dims), shaped.reshape(chains, draws, *shaped.shape[1:]))


def dataset(posterior: xr.Dataset, coords: Mapping[str, Any], **variables: xr.Variable) -> xr.Dataset:
    """Variables by draw with the posterior's chains and draws."""
    return xr.Dataset(variables, dict(coords) | {d: posterior[d].to_numpy() for d in ("chain", "draw")})


def rows_and_units(
    posterior: xr.Dataset, name: str, outcome: np.ndarray, rows: dict[str, np.ndarray], made: Sequence[np.ndarray],
    unit: str, labels: np.ndarray, terms: Sequence[np.ndarray],
) -> Observed:  # fmt: skip
    """One outcome (N,) by row, drawn anew (sample, N), and log densities (sample, G) of units.

    ``rows`` are what rows are known by, (N,) each: coordinates beside the running number ``row``.
    """
    known = {k: ("row", v) for k, v in rows.items()} | {"row": np.arange(len(outcome))}
    return Observed(
        xr.Dataset({name: ("row", np.asarray(outcome, dtype=np.float64))}, known),
        dataset(posterior, known, **{name: by_draw(made, posterior, ("row",))}),
        dataset(posterior, {unit: labels}, **{name: by_draw(terms, posterior, (unit,))}),
    )


def parameters_at(model: pm.Model, name: str, posterior: xr.Dataset) -> Iterator[list[np.ndarray]]:
    """What an observed variable's distribution is given at each draw, chain by chain. Raises DataFaults for other draws."""
    free = model.free_RVs
    absent = [v.name for v in free if v.name not in posterior]
    if absent:
        raise DataFaults([Fault(f"the draws lack {absent[0]}", "posterior", "fit again with this release")])
    node = model[name].owner
    at = function(free, node.op.dist_params(node), on_unused_input="ignore")
    order = [posterior[str(v.name)].transpose("chain", "draw", ...).to_numpy() for v in free]
    for chain, draw in np.ndindex(order[0].shape[:2]):
        yield at(*(values[chain, draw] for values in order))


def each_unit(kernel: Callable[..., tuple[float, ...]], offsets: np.ndarray, *rows: np.ndarray) -> np.ndarray:
    """(G,) value of a likelihood kernel for the rows of one unit after the other: ``kernel(*rows of the unit)``."""
    return np.array([kernel(*(r[a:b] for r in rows))[0] for a, b in pairwise(offsets)])


def linear_panel_rows(
    predicted: np.ndarray,
    spread: tuple[float, float, float | None],
    groups: Groups,
    rng: np.random.Generator,
) -> np.ndarray:
    """(N,) outcomes around ``predicted``, effects of groups drawn anew; ``spread``: sigma, tau, degrees of freedom or None."""
    sigma, tau, nu = spread
    error = rng.standard_normal(len(predicted)) if nu is None else rng.standard_t(nu, len(predicted))
    return predicted + tau * rng.standard_normal(len(groups.labels))[groups.row] + sigma * error


def by_model(model: pm.Model, tree: xr.DataTree, seed: int) -> Observed:
    """For a model whose observed variables are what a user observes and have a density for each row.

    Raises
    ------
    DataFaults
        If the draws are not those of the model.

    """
    names = [v.name for v in model.observed_RVs]
    absent = [v.name for v in model.free_RVs if v.name not in tree["posterior"]]
    if absent:
        raise DataFaults([Fault(f"the draws lack {absent[0]}", "posterior", "fit again with this release")])
    with model, quiet("pymc"):
        terms = pm.compute_log_likelihood(tree.copy(), extend_inferencedata=False, progressbar=False)
        # Draws of a CustomDist are Python: under Numba they would fall into object mode, with a warning.
        plain = {"compile_kwargs": {"mode": "FAST_COMPILE"}, "progressbar": False}
        made = pm.sample_posterior_predictive(tree.copy(), var_names=names, random_seed=seed, **plain)
    return Observed(made["observed_data"].to_dataset(), made["posterior_predictive"].to_dataset(), terms)


def grouped(model: pm.Model, tree: xr.DataTree, observed: Observed, solved: Sequence[str] = ()) -> xr.DataTree:
    """The tree with every group: how the model was solved and coordinates that only the sampler knows stand apart.

    ``solved`` are variables on the solution besides those whose names begin with ``solver_``.
    """
    posterior = tree["posterior"].to_dataset()
    inner = [v.name for v in model.free_RVs if v.name.endswith(("_rotated", "_scaled")) and v.name in posterior]
    solver = [str(n) for n in posterior if n in solved or str(n).startswith("solver_")]
    groups = {
        "posterior": posterior.drop_vars([*inner, *solver]), "observed_data": observed.data,
        "posterior_predictive": observed.predictive, "log_likelihood": observed.log_likelihood,
    }  # fmt: skip
    groups |= {"sample_stats": tree["sample_stats"].to_dataset()} if "sample_stats" in tree else {}
    groups |= {"solver": posterior[solver]} if solver else {}
    groups |= {"coordinates": posterior[inner]} if inner else {}
    found = xr.DataTree.from_dict(groups)
    if solver:
        found["solver"].attrs.update({n: str(c) for n, c in notes_of(model).outcomes.items()})
    return found
