"""A joint-production posterior for machines without PyMC: the same density, as arrays."""

from typing import Any

import numpy as np
import pymc as pm

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.models.joint_production.inputs import Inputs, as_spec, inputs_of
from bayes_labor.models.joint_production.model import PENALISED_SIZE, joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec, SpecName
from bayes_labor.models.priors import Hypotenuse
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
    if spec.worker_effects:
        raise DataFaults([Fault("worker effects join workplaces, and shards cut between them", "export", "leave them out")])
    if workforce.is_weighted:
        raise DataFaults([Fault("a weighted workforce is fitted where its workplaces are together", "export", "use fit()")])
    model = joint_production(workforce, spec)
    inputs, sizes = inputs_of(workforce, spec), np.diff(workforce.offsets)
    columns, matching = inputs.columns, inputs.matching
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
    team = _standard(inputs.reference, columns.talent_sd[: len(columns.external)])
    form = _form(model, inputs, spec, len(workforce.industries))
    return Exported(form, workforce.offsets, payrolls, team, np.array(starting_points(model)), beta_coordinates(model))


def _standard(terms: np.ndarray, sd: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
    """(P, N) terms in standard deviations, centered if their means are given."""
    return (terms - (0.0 if mean is None else mean[:, None])) / sd[:, None]


def _form(model: pm.Model, inputs: Inputs, spec: JointProductionSpec, industries: int) -> Form:
    point = model.initial_point()
    return Form(
        layout=tuple((v.name, int(np.size(point[v.name]))) for v in model.value_vars),
        n_industries=industries,
        n_external=len(inputs.reference),
        nodes=inputs.matching.nodes,
        softness=inputs.softness,
        penalty=0.0 if spec.is_linear else spec.penalty,
        shortfall=inputs.shortfall,
        in_logs=spec.errors == "log",
        looseness=inputs.looseness,
        priors=tuple((k, p.family, tuple(map(_plain, p.values))) for k, p in inputs.priors.items()),
    )


def _plain(number: Any) -> Any:
    """A number of a prior, one per element, the name of another variable, or a hypotenuse, as JSON has it."""
    if isinstance(number, Hypotenuse):
        return tuple(number)
    return tuple(map(float, number)) if np.ndim(number) else number if isinstance(number, str) else float(number)
