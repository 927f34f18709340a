"""What can be known before hours of sampling: gradients, prior draws whose equilibrium solves, memory, time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.model import joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.models.starting import starting_point
from bayes_labor.posteriors.density import compiled_density, gradient_error, seconds_of
from bayes_labor.posteriors.joint_production.foresight import foresee, foresee_from_modes
from bayes_labor.posteriors.prior import prior_draws
from bayes_labor.theory.joint_production.status import Status

SEARCHED = 50_000  # workers up to which a search for modes takes seconds


@dataclass(frozen=True)
class Preflight:
    """Findings of :func:`check`."""

    parameters: int
    log_density: float
    gradient_error: float
    """Largest relative difference to finite differences at the start."""
    object_mode: list[str]
    """Ops without a native kernel in the compiled graph."""
    prior_outcomes: dict[str, float]
    """Share of prior draws by outcome of the solver."""
    prior_negative_wages: float
    """Share of prior-predictive wages that are negative, among draws that solve."""
    milliseconds: float
    """Per evaluation of log density and gradient."""
    megabytes: float
    """Memory of the data."""
    troubles: tuple[str, ...] = ()
    """What will probably go wrong in the fit, each with its remedy. Modes are looked for among at most 50,000 workers."""

    @property
    def sampling_minutes(self) -> tuple[float, float]:
        """Expected minutes for 4 chains of 2,000 iterations on 2 cores, with 15 to 63 leapfrog steps each."""
        low, high = (4 * 2000 * steps * self.milliseconds / 2 / 60_000 for steps in (15, 63))
        return low, high

    @property
    def sound(self) -> bool:
        """Whether sampling may start."""
        return (
            np.isfinite(self.log_density)
            and self.gradient_error < 1e-4
            and not self.object_mode
            and self.prior_outcomes.get("OK", 0.0) > 0.05
        )


def check(workforce: Workforce, spec: JointProductionSpec | None = None, *, draws: int = 200, seed: int = 0) -> Preflight:
    """Run the preflight of a joint-production fit.

    Raises
    ------
    DataFaults
        If the specification does not fit the workforce.

    """
    spec = spec or JointProductionSpec()
    model = joint_production(workforce, spec)
    point = starting_point(model)
    names = [v.name for v in model.value_vars]
    function = compiled_density(model)
    start = [np.asarray(point[n], dtype=np.float64) for n in names]
    before = function(*start)
    elapsed = seconds_of(lambda: function(*start))
    outcomes, negative = prior_outcomes(model, draws, seed)
    troubles = [*foresee(workforce, outcomes, negative)]
    if workforce.n_workers <= SEARCHED:
        troubles += foresee_from_modes(workforce, spec, model, function)
    return Preflight(
        parameters=int(sum(np.size(v) for v in start)),
        log_density=float(before[0]),
        gradient_error=gradient_error(function, start, before[1:]),
        object_mode=_without_kernel(function),
        prior_outcomes=outcomes,
        prior_negative_wages=negative,
        milliseconds=1e3 * elapsed,
        megabytes=sum(v.get_value().nbytes for v in model.data_vars) / 2**20,
        troubles=tuple(troubles),
    )


def _without_kernel(function: Any) -> list[str]:
    from pytensor.link.numba.dispatch.basic import numba_funcify

    from bayes_labor.custom_ops.declaration import SolverOp

    fallback = numba_funcify.dispatch(object)
    ops = {node.op for node in function.maker.fgraph.apply_nodes if isinstance(node.op, SolverOp)}
    return sorted(type(op).__name__ for op in ops if numba_funcify.dispatch(type(op)) is fallback)


def prior_outcomes(model: pm.Model, draws: int = 200, seed: int = 0) -> tuple[dict[str, float], float]:
    """(share of prior draws by outcome of the solver, share of negative wages among those that solve)."""
    prior = prior_draws(model, draws, seed, ["solver_status", "wage"])
    status = prior["prior"]["solver_status"].to_numpy().astype(int).ravel()
    shares = {s.name: float(np.mean(status == s)) for s in Status if np.any(status == s)}
    wage = prior["prior_predictive"]["wage"].to_numpy().reshape(len(status), -1)[status == 0]
    return shares, float(np.mean(wage < 0)) if wage.size else float("nan")


def floor_bytes(workforce: Workforce) -> int:
    """Bytes that one evaluation must move at least: the design twice (forward, backward) and eight vectors over workers."""
    return 8 * workforce.n_workers * (2 * len(workforce.terms) + 8)
