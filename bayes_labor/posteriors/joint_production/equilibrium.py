"""The equilibrium at posterior draws, for the workforce as it is or might be: wages, outside options, shares, cut-offs."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.telling import tell
from bayes_labor.models.joint_production.inputs import Columns, columns_of, matching_of, softness_of
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.theory.joint_production.assignment import solve_assignment
from bayes_labor.theory.joint_production.fixed_points import fixed_points
from bayes_labor.theory.joint_production.outside_option import OutsideOption, solve_outside_option
from bayes_labor.theory.joint_production.payroll import solve_payroll
from bayes_labor.theory.joint_production.status import Status


class Equilibrium(NamedTuple):
    """The model solved at one posterior draw."""

    wage: np.ndarray
    """(N,) predicted wage."""
    outside_option: np.ndarray
    """(N,) V(z)."""
    surplus_share: np.ndarray
    """(N,) share of the workplace's surplus."""
    surplus: np.ndarray
    """(F,) of each workplace."""
    external_index: np.ndarray
    """(N,) z, at standardised characteristics."""
    managing: np.ndarray
    """(N,) probability of doing task 2, exp(-cut-off/mean talent); 1 at beta = 0."""


class Talents(NamedTuple):
    """Talents and technology at one posterior draw."""

    log_talent: np.ndarray
    """(N,) log mean talent."""
    log_cutoff: np.ndarray
    """(F,) log talent cut-off; minus infinity at beta = 0."""
    beta: np.ndarray
    """(K,)."""


class _Parameters(NamedTuple):
    """One draw, in the coordinates of the standardised columns."""

    external: np.ndarray
    internal: np.ndarray
    beta: np.ndarray
    scale: np.ndarray
    bargaining: float
    floor: float
    power: np.ndarray | None


def thin(draws: xr.DataTree, size: int) -> xr.Dataset:
    """At most ``size`` posterior draws, evenly spread over all chains, along one dimension ``sample``."""
    stacked = draws["posterior"].to_dataset().stack(sample=("chain", "draw"))
    picks = np.unique(np.linspace(0, stacked.sizes["sample"] - 1, size).astype(int))
    return stacked.isel(sample=picks)


def solve_each(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 100, changed: Workforce | None = None
) -> Iterator[Equilibrium | None]:
    """Solve at ``size`` draws, one after the other; None where a draw has no equilibrium.

    With ``changed``, a workforce of the same workplaces and terms, V(z) and all payrolls are those of the changed workers, at
    parameters in the units of the original ones.
    """
    posterior = thin(draws, size)
    columns, new = columns_of(workforce, spec), _check(changed, workforce) if changed is not None else workforce
    matching, softness = matching_of(new, spec), softness_of(workforce, spec)
    for i in range(posterior.sizes["sample"]):
        tell("solving the equilibrium at posterior draws", i, posterior.sizes["sample"], "draws")
        at = _parameters(posterior.isel(sample=i), columns, spec, len(workforce.industries))
        z, talent, power = _indices(new, columns, at)
        s = _solve(new, z, talent, at, matching, softness)
        if s.status is not Status.OK:
            yield None
            continue
        pay = solve_payroll(s.value, s.output, power, new.offsets, new.weight)
        managing = np.exp(-np.exp(np.minimum(np.repeat(s.cutoffs, new.sizes) - talent, 700.0)))
        yield Equilibrium(pay.wage, s.value, pay.share, pay.surplus, z, managing)


def elsewhere(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, others: Workforce, *, size: int = 100
) -> Iterator[np.ndarray | None]:
    """(N',) predicted wages of workplaces outside the estimation sample, whose V(z) is the sample's.

    An external index beyond the sample's range takes the value at its end: V is not extrapolated.
    """
    posterior, columns, matching = thin(draws, size), columns_of(workforce, spec), matching_of(workforce, spec)
    if others.terms != workforce.terms or others.industries != workforce.industries:
        raise DataFaults([Fault("the other workplaces have other terms or industries", others.name, "use Workforce.split()")])
    if others.is_weighted:
        remedy = "leave workplaces out by importance sampling instead"
        raise DataFaults([Fault("payrolls of sampled workers are not predicted from outside the sample", others.name, remedy)])
    for i in range(posterior.sizes["sample"]):
        at = _parameters(posterior.isel(sample=i), columns, spec, len(workforce.industries))
        z, talent, _ = _indices(workforce, columns, at)
        s = _solve(workforce, z, talent, at, matching, softness_of(workforce, spec))
        if s.status is not Status.OK:
            yield None
            continue
        z, talent, power = _indices(others, columns, at)
        value = s(np.clip(z, s.domain[0] - s.domain[1], s.domain[0] + s.domain[1]))
        output = solve_assignment(talent, others.offsets, at.beta, at.scale, industry=others.industry).output
        yield solve_payroll(value, output, power, others.offsets).wage


def solutions_each(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int) -> Iterator[int]:
    """How many equilibria of outside options are found at each of ``size`` draws; 0 where none is."""
    matching, softness = matching_of(workforce, spec), softness_of(workforce, spec)
    for at, z, _, s in _outside_options(draws, workforce, spec, size):
        if s.status is not Status.OK:
            yield 0
            continue
        yield len(
            fixed_points(s, z, workforce.offsets, at.bargaining, matching=matching, softness=softness, copies=workforce.weight)
        )


def talents_each(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int) -> Iterator[Talents | None]:
    """Talents, cut-offs and exponents at each of ``size`` draws; None where one has no equilibrium."""
    for at, _, talent, s in _outside_options(draws, workforce, spec, size):
        yield Talents(talent, s.cutoffs, at.beta) if s.status is Status.OK else None


def _outside_options(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, size: int
) -> Iterator[tuple[_Parameters, np.ndarray, np.ndarray, OutsideOption]]:
    """(parameters, external index, log talent, outside options) at each of ``size`` draws."""
    posterior, columns = thin(draws, size), columns_of(workforce, spec)
    matching, softness = matching_of(workforce, spec), softness_of(workforce, spec)
    for i in range(posterior.sizes["sample"]):
        at = _parameters(posterior.isel(sample=i), columns, spec, len(workforce.industries))
        z, talent, _ = _indices(workforce, columns, at)
        yield at, z, talent, _solve(workforce, z, talent, at, matching, softness)


def equilibria(
    draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 100, changed: Workforce | None = None
) -> xr.Dataset:
    """Solve the model at ``size`` posterior draws.

    Returns
    -------
    xr.Dataset
        The fields of :class:`Equilibrium` over (sample, worker), and ``surplus`` over (sample, workplace); workers and
        workplaces carry the user's ids. Draws without an equilibrium are left out; ``attrs["failed"]`` counts them.

    """
    found = list(solve_each(draws, workforce, spec, size=size, changed=changed))
    solved = [e for e in found if e is not None]
    return as_dataset(solved, workforce).assign_attrs(failed=len(found) - len(solved))


def as_dataset(solved: list[Equilibrium], workforce: Workforce) -> xr.Dataset:
    """Equilibria at several draws over (sample, worker) and (sample, workplace), under the user's ids."""
    data = {
        n: (("sample", "workplace" if n == "surplus" else "worker"), np.array([getattr(e, n) for e in solved]))
        for n in Equilibrium._fields
    }
    return xr.Dataset(data, {"worker": workforce.workers, "workplace": workforce.workplaces})


def _check(changed: Workforce, workforce: Workforce) -> Workforce:
    if changed.terms != workforce.terms or not np.array_equal(changed.offsets, workforce.offsets):
        fault = Fault("the changed workforce has other workplaces or terms", changed.name, "make it by workforce.changed(...)")
        raise DataFaults([fault])
    return changed


def _parameters(one: xr.Dataset, columns: Columns, spec: JointProductionSpec, industries: int) -> _Parameters:
    n, gamma = len(columns.external_terms), one["gamma"].to_numpy()
    beta = np.zeros(industries) if spec.is_linear else one["beta"].to_numpy()
    # A is reported for uncentered columns; the indices used here are centered.
    exponent = np.where(beta > 0, 1.0 + beta, 1.0 + beta + beta**2)
    scale = one["A"].to_numpy() * np.exp(float(columns.mean @ gamma[:n]) * exponent)
    d, floor = (1.0, 0.0) if spec.is_linear else (float(one["d"]), float(one["V_U"]))
    return _Parameters(gamma[:n], gamma[n:], beta, scale, d, floor, one["psi"].to_numpy() if "psi" in one else None)


def _indices(workforce: Workforce, columns: Columns, at: _Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(external index, log talent, power index) of any workers of the same terms."""
    place = {t: i for i, t in enumerate(workforce.terms)}
    x = workforce.terms_by_workers

    def index(terms: list[str], coefficients: np.ndarray) -> np.ndarray:
        whole = np.zeros(len(place))
        whole[[place[t] for t in terms]] = coefficients
        return whole @ x

    z = index(columns.external_terms, at.external) - columns.mean @ at.external
    talent = z + index(columns.internal_terms, at.internal) if columns.internal_terms else z
    power = index(columns.power_terms, at.power) if at.power is not None else np.zeros(workforce.n_workers)
    return z, talent, power


def _solve(
    workforce: Workforce, z: np.ndarray, talent: np.ndarray, at: _Parameters, matching: object, softness: float
) -> OutsideOption:
    return solve_outside_option(
        talent, z, workforce.offsets, at.beta, at.scale, at.bargaining, at.floor,
        industry=workforce.industry, matching=matching, softness=softness, copies=workforce.weight,  # type: ignore[arg-type]
    )  # fmt: skip
