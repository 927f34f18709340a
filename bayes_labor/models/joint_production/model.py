r"""The joint-production model as a plain ``pm.Model``.

Sections 2-5 of the paper: output from task assignment, outside options in equilibrium, the Nash payroll, additive errors. The
likelihood has one term per workplace; a point whose equilibrium cannot be solved has likelihood zero.
"""

from collections.abc import Container
from typing import Any, NamedTuple

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
from bayes_labor.models.joint_production.priors import units_of
from bayes_labor.models.joint_production.settings import MANY_WORKERS, JointProductionSpec, SpecName
from bayes_labor.models.notes import judge_by, solver_outcomes, start_at, start_on_both_sides
from bayes_labor.models.priors import Prior
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.outside_option import CUBIC
from bayes_labor.theory.joint_production.status import Status

_CONSTANT_BYTES = 500_000  # PyTensor cannot cache code with larger constants
PARAMETERS = ("beta", "psi", "d", "V_U", "gamma", "A", "sigma", "nu")
"""Parameters in the units of the data, in the order of the paper's tables."""
PENALISED_SIZE = 5  # workplaces larger than this are penalised for a negative surplus


class Columns(NamedTuple):
    """Characteristics by the coefficients they belong to: views of the workforce's design, terms by workers, never copies.

    Coefficients are sampled for standardised terms; they are divided by these standard deviations, so the terms need not be.
    External terms are centered by taking the mean's index off; internal ones are not, since a newcomer has zero of them.
    """

    external: np.ndarray
    """(P_e, N) what a worker takes along."""
    internal: np.ndarray
    """(P_i, N) internal terms in talent."""
    power: np.ndarray
    """(P_p, N) internal terms in bargaining power."""
    external_terms: list[str]
    internal_terms: list[str]
    power_terms: list[str]
    mean: np.ndarray
    """(P_e,) means of the external terms."""
    talent_sd: np.ndarray
    """(P_e + P_i,)."""
    power_sd: np.ndarray
    """(P_p,)."""


def columns_of(workforce: Workforce, spec: JointProductionSpec) -> Columns:
    """Split the design as a specification asks.

    Raises DataFaults if the specification needs internal terms that the workforce lacks.
    """
    external = workforce.n_terms if spec.is_linear else int(np.sum(~workforce.internal))
    stop = {
        "linear_power": external + int(workforce.linear.sum()), "power": workforce.n_terms, "flexible": workforce.n_terms
    }.get(spec.spec, external)  # fmt: skip
    if spec.spec in ("linear_power", "power", "flexible") and stop == external:
        what = "linear internal terms" if spec.spec == "linear_power" else "internal terms"
        remedy = "declare internal=['seniority'], or choose spec='equal_power' or 'linear'"
        raise DataFaults([Fault(f"spec={spec.spec!r} needs {what}, the workforce has none", workforce.formula, remedy)])
    x, terms = workforce.terms_by_workers, list(workforce.terms)
    in_talent = slice(external, external if spec.spec == "power" else None)
    mean, sd = x[:external].mean(1), np.array([row.std() for row in x])
    return Columns(
        external=x[:external],
        internal=x[in_talent],
        power=x[external:stop],
        external_terms=terms[:external],
        internal_terms=terms[in_talent],
        power_terms=terms[external:stop],
        mean=mean,
        talent_sd=np.concatenate([sd[:external], sd[in_talent]]),
        power_sd=sd[external:stop],
    )


def matching_of(workforce: Workforce, spec: JointProductionSpec) -> Matching:
    """The hypothetical matches of a specification, drawn from its seed where they are sampled.

    Raises DataFaults for fewer workplaces than V(z) has coefficients, or than ``subsample`` asks for.
    """
    if spec.matching == "sampled":
        if workforce.n_workplaces < CUBIC:
            what = f"{workforce.n_workplaces} workplaces meet too few workers to tell a cubic V(z)"
            raise DataFaults([Fault(what, "matching='sampled'", "choose matching='exact'")])
        return Matching.sampled(workforce.offsets, spec.seed)
    if spec.subsample is not None and spec.subsample > workforce.n_workplaces:
        remedy = f"choose at most {workforce.n_workplaces}, or None for all"
        raise DataFaults([Fault(f"subsample = {spec.subsample} exceeds the number of workplaces", "settings", remedy)])
    return Matching.exact(workforce.offsets, spec.nodes, spec.subsample, spec.seed)


def softness_of(workforce: Workforce, spec: JointProductionSpec) -> float:
    """Scale of the feasibility weights in wage units; 0 for hard ones.

    In the linear specifications (d = 1, V_U = 0) every workplace counts alike, which an unbounded scale gives: if only
    workplaces with a surplus counted, those of the most productive industry alone would be left, whatever the data.
    """
    mean_wage = float(np.mean(np.abs(workforce.wage)))
    if spec.is_linear:
        return 1e9 * mean_wage
    return spec.softness * mean_wage if spec.feasibility == "smooth" else 0.0


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
        Free variables: ``beta_mean``, ``beta_spread``, ``beta_offset`` or ``atanh_beta``, ``gamma_scaled``, ``psi_scaled``,
        ``log_output``, ``d``, ``V_U``, ``sigma`` (and ``nu_shifted``). Deterministics in the units of the data: ``beta`` and
        ``A`` by industry, ``gamma``, ``psi``, and the equilibrium's ``feasible_share``, ``surplus_share``,
        ``solver_iterations``, ``solver_status``, ``V_coefficients`` and ``V_domain``. Data are ``pm.Data``: a refit on other
        wages needs no compilation.

    Raises
    ------
    DataFaults
        For settings out of range or not fitting the workforce.

    """
    spec = as_spec(spec, priors=priors, **settings)
    columns, mean_wage = columns_of(workforce, spec), float(np.mean(np.abs(workforce.wage)))
    matching = matching_of(workforce, spec)
    with pm.Model(coords=_coords(workforce, columns)) as model:
        data = _data(workforce, columns)
        free = _free(workforce, columns, spec)
        beta = _beta(workforce, free)
        talent, z, level = _talent(columns, spec, free["gamma_scaled"])
        scale = _scale(workforce, columns, spec, beta, level)
        d, floor = free.get("d", 1.0), free.get("V_U", 0.0)
        equilibrium = outside_option(
            talent, z, data["offsets"], beta, scale, d, floor,
            industry=data["industry"], matching=matching, softness=softness_of(workforce, spec), threads=spec.threads,
        )  # fmt: skip
        wage, surplus, _ = nash_payroll(
            equilibrium.value, equilibrium.output, _power(columns, data, spec, free), data["offsets"], spec.threads
        )
        _report(equilibrium, surplus, wage)
        counted = pm.Data("counted", np.ones(workforce.n_workplaces), dims="workplace") if weighted else None
        _wages(workforce, spec, data, free, wage, surplus, equilibrium, mean_wage, counted)
        judge_by(*judged_parameters(model.named_vars), two_sided="" if spec.is_linear else "beta")
    return model


def judged_parameters(known: Container[str]) -> list[str]:
    """Parameters whose chains must agree, of those that a specification has."""
    shape = [v for v in ("beta", "psi", "d") if v in known]
    return shape or [v for v in ("gamma", "A", "sigma", "nu") if v in known]


def as_spec(spec: SpecName | JointProductionSpec, **settings: Any) -> JointProductionSpec:
    """A specification from its name and settings, or the given one."""
    settings = {k: v for k, v in settings.items() if v is not None}
    if isinstance(spec, JointProductionSpec):
        if settings:
            fault = Fault(
                f"settings {sorted(settings)} given beside a complete specification", "joint_production", "put them in it"
            )
            raise DataFaults([fault])
        return spec
    return JointProductionSpec(spec=spec, **settings)


def _coords(workforce: Workforce, columns: Columns) -> dict[str, Any]:
    coords = {
        "industry": list(workforce.industries),
        "workplace": workforce.workplaces.astype(str),
        "worker": np.arange(workforce.n_workers),
        "talent_term": [*columns.external_terms, *columns.internal_terms],
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


def prior_table(workforce: Workforce, spec: JointProductionSpec) -> dict[str, Prior]:
    """The priors of the free variables that a specification has, by variable in the order of the model, in the wage unit."""
    rows, n = spec.priors.table, len(workforce.industries)
    if spec.is_linear:
        beta: dict[str, Prior] = {}
    elif not (spec.pooled and n > 1):
        alone = float(np.hypot(spec.priors.beta_mean, spec.priors.beta_spread))
        beta = {"atanh_beta": Prior("atanh beta", "normal", (0.0, alone))}
    else:
        beta = {k: rows[k] for k in ("beta_mean", "beta_spread")}
        if spec.hierarchy == "centered" or (spec.hierarchy == "auto" and workforce.n_workers >= MANY_WORKERS * n):
            beta["atanh_beta"] = Prior("atanh beta", "normal", ("beta_mean", "beta_spread"))
        else:
            beta["beta_offset"] = Prior("(atanh beta - b) / s", "normal", (0.0, 1.0))
    has_power = spec.spec in ("linear_power", "power", "flexible")
    wanted = ["gamma_scaled", "log_output", *([] if spec.is_linear else ["d", "V_U"]), *(["psi_scaled"] if has_power else [])]
    wanted += ["sigma", *(["nu_shifted"] if spec.errors == "student" else [])]
    units = units_of(workforce, spec.spec == "linear_national")
    return {k: v.within(units) for k, v in (beta | {k: rows[k] for k in wanted}).items()}


def _free(workforce: Workforce, columns: Columns, spec: JointProductionSpec) -> dict[str, Any]:
    """The free variables as the prior table says, with their starting values."""
    table, n = prior_table(workforce, spec), len(workforce.industries)
    dims = {"gamma_scaled": "talent_term", "psi_scaled": "power_term", "atanh_beta": "industry", "beta_offset": "industry"}
    dims |= {} if spec.spec == "linear_national" else {"log_output": "industry"}
    dims |= {"sigma": "industry"} if spec.noise_by_industry else {}
    sd = float(workforce.wage.std())
    starts = {
        "beta_mean": 0.2, "beta_spread": 0.2, "atanh_beta": np.full(n, 0.2), "beta_offset": np.zeros(n), "d": 0.5,
        "gamma_scaled": _start(workforce, columns), "psi_scaled": np.zeros(len(columns.power_terms)), "nu_shifted": 10.0,
        "log_output": table["log_output"].numbers[0], "sigma": np.full(n, sd) if spec.noise_by_industry else sd,
        "V_U": table["V_U"].numbers[0] if "V_U" in table else 0.0,
    }  # fmt: skip
    start_at(**{k: starts[k] for k in table})
    return {k: prior.place(k, dims.get(k)) for k, prior in table.items()}


def _beta(workforce: Workforce, free: dict[str, Any]) -> Any:
    if "atanh_beta" not in free and "beta_offset" not in free:
        return pt.zeros(len(workforce.industries))
    levels = [k for k in ("beta_mean", "atanh_beta") if k in free]
    start_on_both_sides(levels, held=[k for k in ("beta_spread", "beta_offset") if k in free])
    atanh = free["atanh_beta"] if "atanh_beta" in free else free["beta_mean"] + free["beta_spread"] * free["beta_offset"]
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


def _start(workforce: Workforce, columns: Columns) -> np.ndarray:
    """Talent coefficients of the log-wage regression on the external terms; zero for the internal ones."""
    low = 0.05 * np.mean(np.abs(workforce.wage))
    log_wage = np.log(np.maximum(workforce.wage, low))
    n, x, sd = workforce.n_workers, columns.external, columns.talent_sd[: len(columns.external)]
    # Normal equations: the terms are not collinear, and nothing of the design's size is copied.
    scale = np.outer(sd, sd)
    covariance = (x @ x.T / n - np.outer(columns.mean, columns.mean)) / scale
    with_wage = (x @ (log_wage - log_wage.mean()) / n) / sd
    fitted = np.linalg.lstsq(covariance, with_wage, rcond=1e-10)[0]
    return np.concatenate([fitted, np.zeros(len(columns.internal_terms))])


def reference_team(workforce: Workforce, columns: Columns, spec: JointProductionSpec) -> np.ndarray:
    """(P_e, n) centered external characteristics of the team whose output per worker is the parameter kappa.

    Its workers are evenly spaced over the sample in the order of their characteristics, so that neither a seed nor the order
    of the rows or the names of workplaces decides who they are.
    """
    order, n = np.lexsort(columns.external[::-1]), workforce.n_workers
    picks = order[((np.arange(spec.reference_team) + 0.5) * n / spec.reference_team).astype(np.int64)]
    return columns.external[:, picks] - columns.mean[:, None]


def _scale(workforce: Workforce, columns: Columns, spec: JointProductionSpec, beta: Any, level: Any) -> Any:
    """A by industry in the units of the standardised columns; reports it for the columns as they are."""
    n, model = len(workforce.industries), pm.modelcontext(None)
    team = reference_team(workforce, columns, spec)
    z = design_index(team, model["gamma"][: len(columns.external_terms)])
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


def _report(equilibrium: Any, surplus: Any, wage: Any) -> None:
    pm.Deterministic("feasible_share", equilibrium.feasible_share)
    pm.Deterministic("surplus_share", surplus.sum() / pt.where(equilibrium.status > 0, 1.0, wage.sum()))
    pm.Deterministic("solver_iterations", equilibrium.diagnostics[1])
    pm.Deterministic("solver_status", equilibrium.status)
    solver_outcomes(Status)
    pm.Deterministic("V_coefficients", equilibrium.coefficients)
    pm.Deterministic("V_domain", equilibrium.domain)


def _wages(
    workforce: Workforce, spec: JointProductionSpec, data: dict[str, Any], free: dict[str, Any], wage: Any, surplus: Any,
    equilibrium: Any, mean_wage: float, counted: Any,
) -> None:  # fmt: skip
    sigma = free["sigma"]
    # By workplace, as everything that need not be by worker: a register has twelve times as many workers.
    spread = sigma[workforce.industry] if spec.noise_by_industry else pt.full(workforce.n_workplaces, sigma)
    sizes = pt.extra_ops.diff(data["offsets"])
    short = pt.softplus(-surplus / (sizes * spec.softness * mean_wage)) * (sizes > PENALISED_SIZE)
    # Where outside options exhaust the product, surpluses are of either sign by construction: nothing to penalise.
    penalty = (0.0 if spec.is_linear else spec.penalty) * short
    weight = pt.constant(1.0) if counted is None else counted
    pm.Deterministic("infeasibility_penalty", penalty.sum())
    if spec.errors == "student":
        nu = pm.Deterministic("nu", 2.0 + free["nu_shifted"])
    else:
        nu = pt.constant(np.inf)
    pm.CustomDist(
        "wage", wage, spread, nu, penalty, equilibrium.status, data["offsets"], weight,
        logp=_log_density_student if spec.errors == "student" else _log_density_normal,
        random=_draw_wages, signature=f"(n),(f),(),(f),(),(g),{'()' if counted is None else '(f)'}->(n)",
        observed=data["wage"], dims="worker",
    )  # fmt: skip


def _by_workplace(terms: Any, penalty: Any, status: Any, weight: Any) -> Any:
    """(F,) log densities of whole payrolls; zero density where the equilibrium was not solved."""
    return pt.switch(pt.eq(status, 0.0), weight * terms - penalty, -np.inf)


def _log_density_normal(
    value: Any, mean: Any, sigma: Any, nu: Any, penalty: Any, status: Any, offsets: Any, weight: Any
) -> Any:
    squares, sizes = workplace_sum((value - mean) ** 2, offsets), pt.extra_ops.diff(offsets)
    terms = -0.5 * squares / sigma**2 - sizes * (pt.log(sigma) + 0.5 * np.log(2.0 * np.pi))
    return _by_workplace(terms, penalty, status, weight)


def _log_density_student(
    value: Any, mean: Any, sigma: Any, nu: Any, penalty: Any, status: Any, offsets: Any, weight: Any
) -> Any:
    constant = pt.gammaln(0.5 * (nu + 1.0)) - pt.gammaln(0.5 * nu) - 0.5 * pt.log(nu * np.pi)
    excess = workplace_sum(pt.log1p(((value - mean) / to_workers(sigma, offsets, value)) ** 2 / nu), offsets)
    terms = pt.extra_ops.diff(offsets) * (constant - pt.log(sigma)) - 0.5 * (nu + 1.0) * excess
    return _by_workplace(terms, penalty, status, weight)


def _draw_wages(
    mean: np.ndarray, sigma: np.ndarray, nu: np.ndarray, penalty: np.ndarray, status: np.ndarray, offsets: np.ndarray,
    weight: np.ndarray, rng: np.random.Generator | None = None, size: Any = None,
) -> np.ndarray:  # fmt: skip
    """Wages with errors; NaN where the equilibrium was not solved, so that such draws can be counted."""
    rng = np.random.default_rng() if rng is None else rng
    sigma = np.repeat(sigma, np.diff(offsets))
    error = rng.standard_normal(mean.shape) if np.isinf(nu) else rng.standard_t(nu, mean.shape)
    return mean + sigma * error if status == 0 else np.full(mean.shape, np.nan)
