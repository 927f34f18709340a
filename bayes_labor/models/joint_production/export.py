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
    prior_table,
    reference_team,
    softness_of,
)
from bayes_labor.models.joint_production.settings import JointProductionSpec, SpecName
from bayes_labor.models.starting import beta_coordinates, starting_points
from bayes_labor.theory.joint_production.exported import Exported
from bayes_labor.theory.joint_production.jax_density import Form, Payrolls


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
    form = _form(model, workforce, spec, len(columns.external_terms), matching.nodes)
    return Exported(form, workforce.offsets, payrolls, team, np.array(starting_points(model)), beta_coordinates(model))


def _standard(terms: np.ndarray, sd: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
    """(P, N) terms in standard deviations, centered if their means are given."""
    return (terms - (0.0 if mean is None else mean[:, None])) / sd[:, None]


def _form(model: pm.Model, workforce: Workforce, spec: JointProductionSpec, n_external: int, nodes: int) -> Form:
    mean_wage, point = float(np.mean(np.abs(workforce.wage))), model.initial_point()
    return Form(
        layout=tuple((v.name, int(np.size(point[v.name]))) for v in model.value_vars),
        n_industries=len(workforce.industries),
        n_external=n_external,
        nodes=nodes,
        softness=softness_of(workforce, spec),
        penalty=0.0 if spec.is_linear else spec.penalty,
        shortfall=spec.softness * mean_wage,
        priors=tuple((k, p.family, tuple(map(_plain, p.numbers))) for k, p in prior_table(workforce, spec).items()),
    )


def _plain(number: Any) -> Any:
    """A number of a prior, one per element, or the name of another variable, as JSON has it."""
    return tuple(map(float, number)) if np.ndim(number) else number if isinstance(number, str) else float(number)
