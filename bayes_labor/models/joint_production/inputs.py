"""What a specification of joint production takes of a workforce: columns, matches, priors, starts; found once."""

from typing import Any, NamedTuple

import numpy as np

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.priors import LAWS, LOG_ALL, SD_LOG, units_of
from bayes_labor.models.joint_production.settings import JointProductionSpec, SpecName
from bayes_labor.models.laws import law
from bayes_labor.models.priors import Hypotenuse, Prior, Relative
from bayes_labor.theory.joint_production.hierarchy import looseness
from bayes_labor.theory.joint_production.matching import Matching
from bayes_labor.theory.joint_production.outside_option import CUBIC


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


class Inputs(NamedTuple):
    """All that the model, its export and the solvers after the fit need besides the workforce and the specification."""

    columns: Columns
    matching: Matching
    softness: float
    """Of feasibility weights, wage units; 0 for hard ones."""
    shortfall: float
    """Surplus per worker, wage units, on which the penalty on infeasible workplaces is scaled."""
    priors: dict[str, Prior]
    """By free variable, in the order of the model, in the wage unit."""
    looseness: float
    """Of the hierarchy's coordinates, see :mod:`bayes_labor.theory.joint_production.hierarchy`."""
    beta_mean: tuple[float, float]
    """Prior mean and standard deviation of b."""
    starts: dict[str, Any]
    """Their starting values, on their own scale."""
    reference: np.ndarray
    """(P_e, n) centered external characteristics of the team of reference."""


def inputs_of(workforce: Workforce, spec: JointProductionSpec) -> Inputs:
    """Find them. Raises DataFaults if the specification does not fit the workforce."""
    if spec.worker_effects and not workforce.repeated:
        what = "worker effects need people who have several rows" + ("" if workforce.people else ": nothing says who is who")
        raise DataFaults([Fault(what, "worker_effects", "name the column of their ids (person=), or leave the effects out")])
    if workforce.in_logs and spec.errors != "log":
        what = f"the formula explains the logarithm of the wage, and errors={spec.errors!r} are of the wage itself"
        raise DataFaults([Fault(what, repr(workforce.formula), "choose errors='log' (--set errors=log), or leave the log out")])
    if spec.errors == "log" and not (workforce.wage > 0).all():
        what = f"{int(np.sum(workforce.wage <= 0))} wages are not positive, and errors='log' takes their logarithms"
        raise DataFaults([Fault(what, workforce.name, "drop these rows, or choose errors='normal'")])
    columns, priors = columns_of(workforce, spec), prior_table(workforce, spec)
    return Inputs(
        columns=columns,
        matching=matching_of(workforce, spec),
        softness=softness_of(workforce, spec),
        shortfall=spec.softness * float(np.mean(np.abs(workforce.wage))),
        priors=priors,
        looseness=_looseness(workforce),
        beta_mean=prior_rows(workforce, spec).get("beta_mean", Prior("normal", (0.0, 1.0))).values,
        starts=_starts(workforce, columns, spec, priors),
        reference=reference_team(columns, spec),
    )


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
        return Matching.sampled(workforce.offsets, spec.seed, spec.matchings)
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


def reference_team(columns: Columns, spec: JointProductionSpec) -> np.ndarray:
    """(P_e, n) centered external characteristics of the team whose output per worker is the parameter kappa.

    Its workers are evenly spaced over the sample in the order of their characteristics, so that neither a seed nor the order
    of the rows or the names of workplaces decides who they are.
    """
    order, n = np.lexsort(columns.external[::-1]), columns.external.shape[1]
    picks = order[((np.arange(spec.reference_team) + 0.5) * n / spec.reference_team).astype(np.int64)]
    return columns.external[:, picks] - columns.mean[:, None]


def prior_table(workforce: Workforce, spec: JointProductionSpec) -> dict[str, Prior]:
    """The priors of the free variables that a specification has, by variable in the order of the model, in the wage unit.

    They are those of :func:`priors_meant`, the hierarchy's in the coordinates that it is sampled in.
    """
    rows, n = priors_meant(workforce, spec), len(workforce.industries)
    if "beta_mean" not in rows:
        return rows
    (mean, sd), apart = rows.pop("beta_mean").values, Hypotenuse(1.0, 1.0 / _looseness(workforce), "beta_spread")
    del rows["atanh_beta"]
    return {
        "beta_spread": rows.pop("beta_spread"),
        "beta_level": Prior("normal", (mean, Hypotenuse(sd, n**-0.5, "beta_spread"))),
        "beta_contrast_scaled": Prior("normal", (0.0, apart)),
        "beta_rest_scaled": Prior("normal", (0.0, 1.0)),
    } | rows


def priors_meant(workforce: Workforce, spec: JointProductionSpec) -> dict[str, Prior]:
    """The rows of :func:`prior_rows` in the wage unit, those of single coefficients within the row of all."""
    units, rows = units_of(workforce), prior_rows(workforce, spec)
    rows = {k: prior.within(units) for k, prior in rows.items()}
    for name, terms, sd in _coefficients(columns_of(workforce, spec)):
        own = {i: rows.pop(f"{name}[{t}]").values for i, t in enumerate(terms) if f"{name}[{t}]" in rows}
        if own:
            row = rows[f"{name}_scaled"].repeated(len(terms))
            for i, numbers in own.items():
                for vector, number in zip(row.values, numbers, strict=True):
                    vector[i] = number * sd[i]
            rows[f"{name}_scaled"] = row
    return rows


def _coefficients(columns: Columns) -> list[tuple[str, list[str], np.ndarray]]:
    """(name, terms, standard deviations of the terms) of both kinds."""
    return [
        ("gamma", [*columns.external_terms, *columns.internal_terms], columns.talent_sd),
        ("psi", columns.power_terms, columns.power_sd),
    ]


def _looseness(workforce: Workforce) -> float:
    return looseness(workforce.n_workers, len(workforce.industries))


def prior_rows(workforce: Workforce, spec: JointProductionSpec) -> dict[str, Prior]:
    """The priors as they are meant and printed, relative to what the data give."""
    rows, n = spec.priors.table, len(workforce.industries)
    if spec.is_linear:
        beta: dict[str, Prior] = {}
    elif not (spec.pooled and n > 1):
        alone = float(np.hypot(spec.priors.beta_mean, spec.priors.beta_spread))
        beta = {"atanh_beta": Prior("normal", (0.0, alone), "atanh beta")}
    else:
        beta = {k: rows[k] for k in ("beta_mean", "beta_spread")}
        beta["atanh_beta"] = Prior("normal", ("beta_mean", "beta_spread"), "atanh beta")
    has_power = spec.spec in ("linear_power", "power", "flexible")
    wanted = ["gamma_scaled", "log_output", *([] if spec.is_linear else ["d", "V_U"]), *(["psi_scaled"] if has_power else [])]
    optional = {
        "tau": spec.workplace_effects,
        "omega": spec.worker_effects,
        "workplace_effect": spec.workplace_effects and spec.worker_effects,
        "nu_shifted": spec.errors == "student",
    }
    wanted += ["sigma", *(name for name, has in optional.items() if has)]
    found = beta | {k: rows[k] for k in wanted}
    if spec.errors == "log":
        for name in set(found) & {"sigma", "tau", "omega"}:
            scale = found[name].values[0]
            found[name] = found[name]._replace(values=(scale._replace(unit=SD_LOG),))
    if spec.spec == "linear_national":
        found["log_output"] = Prior("normal", (Relative(1.0, LOG_ALL), spec.priors.log_output), rows["log_output"].words)
    return _with_laws(found, columns_of(workforce, spec), spec)


def _with_laws(rows: dict[str, Prior], columns: Columns, spec: JointProductionSpec) -> dict[str, Prior]:
    """With the user's own priors in their places. Raises DataFaults for those of parameters that the specification lacks."""
    coefficients = {f"{name}[{t}]" for name, terms, _ in _coefficients(columns) for t in terms}
    known = [k for k in LAWS if k in rows] + sorted(coefficients)
    for name, words in spec.priors.laws.items():
        if name not in known:
            what = f"this specification has no parameter {name!r} that a prior could be of"
            raise DataFaults([Fault(what, "priors", did_you_mean(name, known))])
        rows[name] = law(words)._replace(words=rows[name].words if name in rows else name)
    return rows


def _starts(workforce: Workforce, columns: Columns, spec: JointProductionSpec, priors: dict[str, Prior]) -> dict[str, Any]:
    n = len(workforce.industries)
    sd = float((np.log(workforce.wage) if spec.errors == "log" else workforce.wage).std())
    starts = {
        "beta_spread": 0.2,
        "beta_level": 0.2,
        "beta_contrast_scaled": np.zeros(n - 1),
        "beta_rest_scaled": 0.0,
        "atanh_beta": np.full(n, 0.2),
        "gamma_scaled": _talent(workforce, columns),
        "psi_scaled": np.zeros(len(columns.power_terms)),
        "d": 0.5,
        "sigma": np.full(n, sd) if spec.noise_by_industry else sd,
        "tau": 0.3 * sd,
        "omega": 0.3 * sd,
        "workplace_effect": np.zeros(workforce.n_workplaces),
        "nu_shifted": 10.0,
    }
    starts |= {k: priors[k].values[0] for k in ("log_output", "V_U") if k in priors}
    return {k: starts[k] for k in priors}


def _talent(workforce: Workforce, columns: Columns) -> np.ndarray:
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
