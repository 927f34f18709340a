r"""The joint-production model as a plain ``pm.Model``.

Sections 2-5 of the paper: output from task assignment, outside options in equilibrium, the Nash payroll, additive errors. The
likelihood has one term per workplace; a point whose equilibrium cannot be solved has likelihood zero.
"""

from collections.abc import Callable, Container
from functools import partial
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from bayes_labor.custom_ops import (
    design_index,
    nash_payroll,
    outside_option,
    task_assignment,
    to_workers,
    workplace_sum,
)
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.likelihoods.grouped_errors import grouped_normal
from bayes_labor.models.joint_production.inputs import Columns, Inputs, as_spec, inputs_of
from bayes_labor.models.joint_production.settings import JointProductionSpec, SpecName
from bayes_labor.models.notes import judge_by, solver_outcomes, start_at, start_on_both_sides, start_there
from bayes_labor.numerics.groups import Groups
from bayes_labor.theory.joint_production.hierarchy import of_industries, their_mean
from bayes_labor.theory.joint_production.status import Status

_CONSTANT_BYTES = 500_000  # PyTensor cannot cache code with larger constants
PARAMETERS = ("beta", "psi", "d", "V_U", "gamma", "A", "sigma", "tau", "omega", "nu")
"""Parameters in the units of the data, in the order of the paper's tables."""
_MANY_EFFECTS = 200  # sampled ones, beyond which modes are not searched
_LEAST = 1e-300  # of a predicted wage whose logarithm is taken; a payroll with one below zero is penalised without bound
PENALISED_SIZE = 5  # workplaces larger than this are penalised for a negative surplus


def joint_production(
    workforce: Workforce,
    spec: SpecName | JointProductionSpec = "power",
    *,
    priors: Any = None,
    weighted: bool = False,
    **settings: Any,
) -> pm.Model:
    """Build the model.

    Parameters
    ----------
    workforce
        Whole workplaces.
    spec
        Name of a specification, or a :class:`JointProductionSpec`.
    priors
        A :class:`bayes_labor.models.settings.JointProductionPriors` or a dict of its fields.
    weighted
        Give every workplace a weight in the likelihood, ``pm.Data`` named ``counted``, one at first: with zero its wages are
        left out while its workers stay in everybody's outside options. For leaving out workplaces without compiling again.
    **settings
        Other fields of :class:`JointProductionSpec`, if ``spec`` is a name.

    Returns
    -------
    pm.Model
        Free variables: of the hierarchy of beta ``beta_spread``, ``beta_level``, ``beta_contrast_scaled`` and
        ``beta_rest_scaled``, see :mod:`.theory.joint_production.hierarchy`, or ``atanh_beta``; ``gamma_scaled``,
        ``psi_scaled``, ``log_output``, ``d``, ``V_U``, ``sigma`` (``tau``, ``omega``, ``workplace_effect``, ``nu_shifted``).
        Deterministics in the units of the data: ``beta`` and ``A`` by industry, ``gamma``, ``psi``, and the equilibrium's
        ``feasible_share``, ``surplus_share``, ``solver_iterations``, ``solver_status``, ``V_coefficients`` and ``V_domain``.
        Data are ``pm.Data``: a refit on other wages needs no compilation.

    Raises
    ------
    DataFaults
        For settings out of range or not fitting the workforce.

    """
    spec = as_spec(spec, priors=priors, **settings)
    inputs = inputs_of(workforce, spec)
    columns = inputs.columns
    if weighted and spec.worker_effects:
        remedy = "compare such fits by leaving one person out"
        raise DataFaults([Fault("people are in several workplaces: none of these can be left out alone", "weighted", remedy)])
    with pm.Model(coords=_coords(workforce, columns)) as model:
        data = _data(workforce, columns)
        free = _free(inputs, spec)
        beta = _beta(inputs, spec, len(workforce.industries), free)
        talent, z, level = _talent(columns, spec, free["gamma_scaled"])
        scale = _scale(inputs, beta, level)
        d, floor = free.get("d", 1.0), free.get("V_U", 0.0)
        equilibrium = outside_option(
            talent, z, data["offsets"], beta, scale, d, floor,
            industry=data["industry"], matching=inputs.matching, softness=inputs.softness, copies=data["copies"],
            threads=spec.threads,
        )  # fmt: skip
        wage, surplus, _ = nash_payroll(
            equilibrium.value, equilibrium.output, _power(columns, data, spec, free), data["offsets"], spec.threads,
            copies=data["copies"],
        )  # fmt: skip
        _report(equilibrium, surplus, wage if data["copies"] is None else data["copies"] * wage)
        counted = pm.Data("counted", np.ones(workforce.n_workplaces), dims="workplace") if weighted else None
        _wages(workforce, spec, data, free, wage, surplus, equilibrium, inputs.shortfall, counted)
        judge_by(*judged_parameters(model.named_vars), two_sided="" if spec.is_linear else "beta")
    return model


def judged_parameters(known: Container[str]) -> list[str]:
    """Parameters whose chains must agree, of those that a specification has."""
    effects = [v for v in ("tau", "omega") if v in known]
    shape = [v for v in ("beta", "psi", "d") if v in known]
    return (shape or [v for v in ("gamma", "A", "sigma", "nu") if v in known]) + effects


def _coords(workforce: Workforce, columns: Columns) -> dict[str, Any]:
    coords = {
        "industry": list(workforce.industries),
        "workplace": workforce.workplaces.astype(str),
        "worker": np.arange(workforce.n_workers),
        "talent_term": [*columns.external_terms, *columns.internal_terms],
        "contrast": np.arange(1, len(workforce.industries)),
    }
    return coords | ({"power_term": columns.power_terms} if columns.power_terms else {})


def _data(workforce: Workforce, columns: Columns) -> dict[str, Any]:
    return {
        "wage": pm.Data("observed_wage", workforce.wage, dims="worker"),
        "external": _borrowed("x_external", columns.external),
        "internal": _borrowed("x_internal", columns.internal) if columns.internal_terms else None,
        "power": _borrowed("x_power", columns.power) if columns.power_terms else None,
        "offsets": _layout("offsets", workforce.offsets),
        "industry": _layout("workplace_industry", workforce.industry),
        "copies": _layout("copies", workforce.weight) if workforce.is_weighted else None,
    }


def _borrowed(name: str, values: np.ndarray) -> Any:
    """``pm.Data`` in the workforce's own memory: ``pm.Data`` itself would copy the design of a register."""
    data = pytensor.shared(values, name=name, borrow=True)
    pm.modelcontext(None).register_data_var(data)
    return data


def _layout(name: str, values: np.ndarray) -> Any:
    """Who works where: a constant while it is small, since every shared array costs the sampler's compiler seconds."""
    small = values.nbytes < _CONSTANT_BYTES
    return pt.constant(values, name=name) if small else pm.Data(name, values)


def _free(inputs: Inputs, spec: JointProductionSpec) -> dict[str, Any]:
    """The free variables as the prior table says, with their starting values."""
    dims = {"gamma_scaled": "talent_term", "psi_scaled": "power_term", "atanh_beta": "industry"}
    dims |= {"beta_contrast_scaled": "contrast", "workplace_effect": "workplace"}
    dims |= {} if spec.spec == "linear_national" else {"log_output": "industry"}
    dims |= {"sigma": "industry"} if spec.noise_by_industry else {}
    start_at(**inputs.starts)
    if np.size(inputs.starts.get("workplace_effect", 0.0)) > _MANY_EFFECTS:
        start_there()
    return {k: prior.place(k, dims.get(k)) for k, prior in inputs.priors.items()}


def _beta(inputs: Inputs, spec: JointProductionSpec, n: int, free: dict[str, Any]) -> Any:
    if spec.is_linear:
        return pt.zeros(n)
    if "atanh_beta" in free:
        start_on_both_sides(["atanh_beta"])
        return pm.Deterministic("beta", pt.tanh(free["atanh_beta"]), dims="industry")
    level, spread = free["beta_level"], free["beta_spread"]
    start_on_both_sides(["beta_level"], held=["beta_spread", "beta_contrast_scaled", "beta_rest_scaled"])
    pm.Deterministic("beta_mean", their_mean(level, spread, free["beta_rest_scaled"], inputs.beta_mean, n, pt))
    atanh = of_industries(level, spread, free["beta_contrast_scaled"], inputs.looseness, n, pt)
    return pm.Deterministic("beta", pt.tanh(atanh), dims="industry")


def _talent(columns: Columns, spec: JointProductionSpec, scaled: Any) -> tuple[Any, Any, Any]:
    """(log talent, external index, log talent of a worker whose characteristics are all zero)."""
    model = pm.modelcontext(None)
    n_external = len(columns.external_terms)
    gamma = pm.Deterministic("gamma", scaled / columns.talent_sd, dims="talent_term")
    level = (columns.mean * gamma[:n_external]).sum()
    z = design_index(model["x_external"], gamma[:n_external], spec.threads) - level
    talent = z + design_index(model["x_internal"], gamma[n_external:], spec.threads) if columns.internal_terms else z
    return talent, z, -level


def _scale(inputs: Inputs, beta: Any, level: Any) -> Any:
    """A by industry in the units of the standardised columns; reports it for the columns as they are."""
    model, team = pm.modelcontext(None), inputs.reference
    n = len(model.coords["industry"])
    z = design_index(team, model["gamma"][: len(team)])
    offsets = np.arange(n + 1) * team.shape[1]
    output = task_assignment(pt.tile(z, n), offsets, beta, 1.0, industry=np.arange(n))[0]
    scale = pt.exp(model["log_output"]) / pt.maximum(output, 1e-300)
    exponent = pt.where(beta > 0, 1.0 + beta, 1.0 + beta + beta**2)
    pm.Deterministic("A", scale * pt.exp(level * exponent), dims="industry")
    return scale


def _power(columns: Columns, data: dict[str, Any], spec: JointProductionSpec, free: dict[str, Any]) -> Any:
    if not columns.power_terms:
        return pt.zeros_like(data["wage"])
    psi = pm.Deterministic("psi", free["psi_scaled"] / columns.power_sd, dims="power_term")
    return design_index(data["power"], psi, spec.threads)


def _report(equilibrium: Any, surplus: Any, paid: Any) -> None:
    pm.Deterministic("feasible_share", equilibrium.feasible_share)
    pm.Deterministic("surplus_share", surplus.sum() / pt.where(equilibrium.status > 0, 1.0, paid.sum()))
    pm.Deterministic("solver_iterations", equilibrium.diagnostics[1])
    pm.Deterministic("solver_status", equilibrium.status)
    solver_outcomes(Status)
    pm.Deterministic("V_coefficients", equilibrium.coefficients)
    pm.Deterministic("V_domain", equilibrium.domain)


def _wages(
    workforce: Workforce, spec: JointProductionSpec, data: dict[str, Any], free: dict[str, Any], wage: Any, surplus: Any,
    equilibrium: Any, shortfall: float, counted: Any,
) -> None:  # fmt: skip
    sigma = free["sigma"]
    # By workplace, as everything that need not be by worker: a register has twelve times as many workers.
    spread = sigma[workforce.industry] if spec.noise_by_industry else pt.full(workforce.n_workplaces, sigma)
    sizes = workforce.headcount
    short = pt.softplus(-surplus / (sizes * shortfall)) * (sizes > PENALISED_SIZE)
    # Where outside options exhaust the product, surpluses are of either sign by construction: nothing to penalise.
    penalty = (0.0 if spec.is_linear else spec.penalty) * short
    weight = pt.constant(1.0) if counted is None else counted
    if in_logs := spec.errors == "log":
        penalty = pt.switch(workplace_sum(pt.le(wage, 0.0).astype("float64"), data["offsets"]) > 0.0, np.inf, penalty)
    pm.Deterministic("infeasibility_penalty", penalty.sum())
    shape, terms, draw, people = pt.constant(0.0), _normal_terms, _draw_wages, None
    if spec.errors == "student":
        shape, terms = pm.Deterministic("nu", 2.0 + free["nu_shifted"]), _student_terms
    if spec.worker_effects:
        if "tau" in free:
            effect = to_workers(free["tau"] * free["workplace_effect"], data["offsets"], wage)
            wage = wage * pt.exp(effect) if in_logs else wage + effect
        assert workforce.people is not None
        people, shape, terms = workforce.people, free["omega"], _effect_terms
        draw = partial(_draw_wages_of_people, people)
    elif spec.workplace_effects:
        shape, terms, draw = free["tau"], _effect_terms, _draw_wages_with_effects
    pm.CustomDist(
        "wage", wage, spread, shape, penalty, equilibrium.status, data["offsets"], weight,
        logp=partial(_density, terms, people, in_logs), random=partial(_draw_in_logs, draw) if in_logs else draw,
        signature=f"(n),(f),(),(f),(),(g),{'()' if counted is None else '(f)'}->(n)", observed=data["wage"], dims="worker",
    )  # fmt: skip


def _density(
    terms_of: Callable[..., Any], people: Groups | None, in_logs: bool,
    value: Any, mean: Any, sigma: Any, shape: Any, penalty: Any, status: Any, offsets: Any, weight: Any,
) -> Any:  # fmt: skip
    """(F,) log densities of whole payrolls, or (G,) of people's rows; zero density where the equilibrium was not solved.

    With errors in logs the density is still that of the wages: specifications of either kind can be compared.
    """
    residual = pt.log(value) - pt.log(pt.maximum(mean, _LEAST)) if in_logs else value - mean
    ends, by_unit = (offsets, residual) if people is None else (pt.constant(people.offsets), residual[people.order])
    terms = terms_of(by_unit, ends, sigma if people is None else sigma[0], shape)
    if in_logs:
        terms = terms - workplace_sum(pt.log(value if people is None else value[people.order]), ends)
    terms = weight * terms - penalty if people is None else terms - penalty.sum() / len(people.counts)
    return pt.switch(pt.eq(status, 0.0), terms, -np.inf)


def _normal_terms(residual: Any, offsets: Any, sigma: Any, shape: Any) -> Any:
    """``shape`` is zero: there are no effects, and sums of residuals are not needed."""
    return grouped_normal(workplace_sum(residual**2, offsets), 0.0, pt.extra_ops.diff(offsets), sigma, shape, pt)


def _effect_terms(residual: Any, offsets: Any, sigma: Any, shape: Any) -> Any:
    """``shape`` is the standard deviation of the effects, of workplaces or of people: tau or omega."""
    squares, sums = workplace_sum(residual**2, offsets), workplace_sum(residual, offsets)
    return grouped_normal(squares, sums, pt.extra_ops.diff(offsets), sigma, shape, pt)


def _student_terms(residual: Any, offsets: Any, sigma: Any, shape: Any) -> Any:
    nu, sizes = shape, pt.extra_ops.diff(offsets)
    constant = pt.gammaln(0.5 * (nu + 1.0)) - pt.gammaln(0.5 * nu) - 0.5 * pt.log(nu * np.pi)
    excess = workplace_sum(pt.log1p((residual / to_workers(sigma, offsets, residual)) ** 2 / nu), offsets)
    return sizes * (constant - pt.log(sigma)) - 0.5 * (nu + 1.0) * excess


def _draw_wages(
    mean: np.ndarray, sigma: np.ndarray, shape: np.ndarray, penalty: np.ndarray, status: np.ndarray, offsets: np.ndarray,
    weight: np.ndarray, rng: np.random.Generator | None = None, size: Any = None,
) -> np.ndarray:  # fmt: skip
    """Wages with errors; NaN where the equilibrium was not solved, so that such draws can be counted."""
    rng = np.random.default_rng() if rng is None else rng
    sigma = np.repeat(sigma, np.diff(offsets))
    error = rng.standard_t(shape, mean.shape) if shape > 0 else rng.standard_normal(mean.shape)
    return mean + sigma * error if status == 0 else np.full(mean.shape, np.nan)


def _draw_in_logs(draw: Callable[..., np.ndarray], mean: np.ndarray, *others: Any, **named: Any) -> np.ndarray:
    """Wages whose logarithms have the errors; NaN where the model predicts none above zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.exp(draw(np.where(mean > 0.0, np.log(mean), np.nan), *others, **named))


def _draw_wages_with_effects(
    mean: np.ndarray, sigma: np.ndarray, shape: np.ndarray, penalty: np.ndarray, status: np.ndarray, offsets: np.ndarray,
    weight: np.ndarray, rng: np.random.Generator | None = None, size: Any = None,
) -> np.ndarray:  # fmt: skip
    rng = np.random.default_rng() if rng is None else rng
    effect = np.repeat(shape * rng.standard_normal(len(sigma)), np.diff(offsets))
    return effect + _draw_wages(mean, sigma, np.zeros(()), penalty, status, offsets, weight, rng)


def _draw_wages_of_people(
    people: Groups, mean: np.ndarray, sigma: np.ndarray, shape: np.ndarray, penalty: np.ndarray, status: np.ndarray,
    offsets: np.ndarray, weight: np.ndarray, rng: np.random.Generator | None = None, size: Any = None,
) -> np.ndarray:  # fmt: skip
    rng = np.random.default_rng() if rng is None else rng
    effect = (shape * rng.standard_normal(len(people.labels)))[people.row]
    return effect + _draw_wages(mean, sigma, np.zeros(()), penalty, status, offsets, weight, rng)
