"""A joint-production posterior for machines without PyMC: the same density, as arrays."""

from typing import Any

import numpy as np
import pymc as pm

from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.model import (
    PENALISED_SIZE,
    as_spec,
    columns_of,
    joint_production,
    matching_of,
    mean_log_output,
    reference_team,
    softness_of,
    unemployment_prior,
)
from bayes_labor.models.joint_production.settings import JointProductionSpec, SpecName
from bayes_labor.models.starting import beta_coordinates, starting_points
from bayes_labor.theory.joint_production.exported import Exported
from bayes_labor.theory.joint_production.jax_density import Form, Payrolls, Reference


def export(workforce: Workforce, spec: SpecName | JointProductionSpec = "power", **settings: Any) -> Exported:
    """The posterior of :func:`bayes_labor.models.joint_production` as arrays, ready to be saved and sampled elsewhere.

    Unconstrained vectors are those of the PyMC model, in the order of its free variables.

    Parameters
    ----------
    workforce, spec
        As for :func:`bayes_labor.models.joint_production`.
    **settings
        Other fields of :class:`JointProductionSpec`, if ``spec`` is a name.

    Raises
    ------
    DataFaults
        For settings out of range or not fitting the workforce.

    """
    spec = as_spec(spec, **settings)
    model = joint_production(workforce, spec)
    columns, matching, sizes = columns_of(workforce, spec), matching_of(workforce, spec), np.diff(workforce.offsets)
    external = _standard(columns.external, columns.talent_sd[: len(columns.external)], columns.mean)
    payrolls = Payrolls(
        wage=workforce.wage,
        external=external,
        internal=_standard(columns.internal, columns.talent_sd[len(columns.external) :]),
        power=_standard(columns.power, columns.power_sd),
        team=np.repeat(np.arange(workforce.n_workplaces), sizes),
        industry=workforce.industry,
        size=sizes,
        counts=np.ones(workforce.n_workplaces),
        penalised=(sizes > PENALISED_SIZE).astype(np.float64),
        match_workplace=matching.workplace,
        match_weight=matching.weight,
        newcomer=external[:, matching.worker] if not matching.nodes else np.zeros((0, len(matching.workplace))),
    )
    team = _standard(reference_team(workforce, columns, spec), columns.talent_sd[: len(columns.external)])
    reference = Reference(team, np.atleast_1d(np.asarray(mean_log_output(workforce, spec))))
    form = _form(model, workforce, spec, len(columns.external_terms), matching.nodes)
    return Exported(form, workforce.offsets, payrolls, reference, np.array(starting_points(model)), beta_coordinates(model))


def _standard(terms: np.ndarray, sd: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
    """(P, N) terms in standard deviations, centered if their means are given."""
    return (terms - (0.0 if mean is None else mean[:, None])) / sd[:, None]


def _form(model: pm.Model, workforce: Workforce, spec: JointProductionSpec, n_external: int, nodes: int) -> Form:
    priors, mean_wage, sd = spec.priors, float(np.mean(np.abs(workforce.wage))), float(workforce.wage.std())
    point, (center, spread) = model.initial_point(), unemployment_prior(workforce, priors)
    return Form(
        layout=tuple((v.name, int(np.size(point[v.name]))) for v in model.value_vars),
        n_industries=len(workforce.industries), n_external=n_external, nodes=nodes, softness=softness_of(workforce, spec),
        penalty=0.0 if spec.is_linear else spec.penalty, shortfall=spec.softness * mean_wage, beta_mean=priors.beta_mean,
        beta_spread=priors.beta_spread, talent=priors.talent, power=priors.power, log_output=priors.log_output,
        bargaining=priors.bargaining, unemployment_center=center, unemployment=spread, noise=priors.noise * sd,
        tail=priors.tail,
    )  # fmt: skip
