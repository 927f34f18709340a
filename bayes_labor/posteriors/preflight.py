"""What can be known of any model before hours of sampling: gradient, prior draws with a solution, kernels, memory, time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from pytensor.link.numba.dispatch.basic import numba_funcify

from bayes_labor.custom_ops.declaration import SolverOp
from bayes_labor.models.notes import notes_of
from bayes_labor.models.starting import starting_point
from bayes_labor.posteriors.density import compiled_density, gradient_error, seconds_of
from bayes_labor.posteriors.prior import prior_draws

_ASIDE = 0.02
"""Of unconstrained variables, how far from the start a gradient is checked."""
Foresee = Callable[..., tuple[dict[str, str], Sequence[str]]]


@dataclass(frozen=True)
class Checked:
    """Findings of :func:`check_model`."""

    parameters: int
    log_density: float
    gradient_error: float
    """Largest relative difference to finite differences beside the start."""
    object_mode: tuple[str, ...]
    """Ops without a native kernel in the compiled graph."""
    solved: float
    """Share of prior draws that have a solution."""
    outcomes: Mapping[str, float]
    """Shares of prior draws by outcome of the solver, where the model has one."""
    milliseconds: float
    """Per evaluation of log density and gradient."""
    megabytes: float
    """Memory of the data."""
    troubles: tuple[str, ...]
    """What will probably go wrong in the fit, each with its remedy."""
    words: Mapping[str, str]
    """What the system says besides."""

    @property
    def sampling_minutes(self) -> tuple[float, float]:
        """Expected minutes for 4 chains of 2,000 iterations on 2 cores, with 15 to 63 leapfrog steps each."""
        low, high = (4 * 2000 * steps * self.milliseconds / 2 / 60_000 for steps in (15, 63))
        return low, high

    @property
    def sound(self) -> bool:
        """Whether sampling may start."""
        known = bool(np.isfinite(self.log_density)) and not self.object_mode
        return known and self.gradient_error < 1e-4 and self.solved > 0.05


def check_model(model: pm.Model, foresee: Foresee | None = None, draws: int = 200, seed: int = 0) -> Checked:
    """Check any model; ``foresee``: of (model, compiled log density with gradient, prior draws), what its system foretells."""
    point = starting_point(model)
    function = compiled_density(model)
    start = [np.asarray(point[v.name], dtype=np.float64) for v in model.value_vars]
    before, rng = function(*start), np.random.default_rng(seed)
    # A start may lie on a kink on purpose (everybody alike, beta = 0), where differences and gradient disagree by right.
    beside = [x + _ASIDE * rng.normal(size=x.shape) for x in start]
    at = beside if np.isfinite((there := function(*beside))[0]) else start
    slopes, smooth = (there if at is beside else before)[1:], all(np.isfinite(g).all() for g in before)
    known = notes_of(model).outcomes
    names = [v.name for v in model.observed_RVs] + (["solver_status"] if known else [])
    prior = prior_draws(model, draws, seed, names)
    words, foreseen = foresee(model, function, prior) if foresee is not None else ({}, ())
    return Checked(
        parameters=int(sum(np.size(v) for v in start)),
        log_density=float(before[0]),
        gradient_error=gradient_error(function, at, slopes) if smooth else np.inf,
        object_mode=_without_kernel(function),
        solved=_solved(prior),
        outcomes=_outcomes(prior, known),
        milliseconds=1e3 * seconds_of(lambda: function(*start)),
        megabytes=sum(v.get_value().nbytes for v in model.data_vars) / 2**20,
        troubles=tuple(foreseen),
        words=words,
    )


def _solved(prior: xr.DataTree) -> float:
    drawn = [v.to_numpy()[0] for v in prior["prior_predictive"].data_vars.values()]
    finite = [np.isfinite(v.reshape(len(v), -1)).all(1) for v in drawn]
    return float(np.mean(np.logical_and.reduce(finite)))


def _outcomes(prior: xr.DataTree, known: Mapping[str, int]) -> dict[str, float]:
    if not known:
        return {}
    status = prior["prior"]["solver_status"].to_numpy()[0]
    worst = status.reshape(len(status), -1).max(1)
    shares = {name: float(np.mean(worst == code)) for name, code in known.items()}
    return {name: share for name, share in shares.items() if share}


def _without_kernel(function: Any) -> tuple[str, ...]:
    fallback = numba_funcify.dispatch(object)
    ops = {node.op for node in function.maker.fgraph.apply_nodes if isinstance(node.op, SolverOp)}
    return tuple(sorted(type(op).__name__ for op in ops if numba_funcify.dispatch(type(op)) is fallback))
