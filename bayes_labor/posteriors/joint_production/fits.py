"""Fits of joint production: what a run folder says of them, and the engines with a workforce instead of a model."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pymc as pm
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines import sampling
from bayes_labor.engines.fan_out import Recipe
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.engines.sampling import SamplerSettings
from bayes_labor.models.joint_production.model import joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec


def sample(
    model: pm.Model,
    *,
    workforce: Workforce | None = None,
    spec: JointProductionSpec | None = None,
    record: dict[str, Any] | None = None,
    **settings: Any,
) -> xr.DataTree:
    """Draw from the posterior of any ``pm.Model``: see :func:`bayes_labor.engines.sampling.sample`.

    ``workforce`` and ``spec``: what a joint-production model was built from, recorded in the run folder.
    """
    known = workforce is not None and spec is not None
    about = describe_fit(workforce, spec) if known else record  # type: ignore[arg-type]
    return sampling.sample(model, record=about, **settings)


def fit(workforce: Workforce, spec: JointProductionSpec | None = None, **settings: Any) -> xr.DataTree:
    """Build the joint-production model and draw from its posterior; ``settings`` as in :func:`sample`.

    Where the number of draws is left alone, a fit that has not converged goes on: see ``longest``.
    """
    spec = spec or JointProductionSpec()
    settings = ({} if "draws" in settings else {"longest": sampling.LONGEST}) | settings
    return sample(joint_production(workforce, spec), workforce=workforce, spec=spec, **settings)


def resume(
    run: str | Path, workforce: Workforce | None = None, *, model: pm.Model | None = None, progress: bool = False
) -> xr.DataTree:
    """Go on with a fit: of joint production, given the data it was made for, or of another ``model``.

    See :func:`bayes_labor.engines.sampling.resume`. Raises DataFaults also if the data differ from the fit's.
    """

    def built() -> pm.Model:
        folder = RunFolder.open(run)
        if workforce is None:
            remedy = "pass workforce=, or model= for a model of another origin"
            raise DataFaults([Fault("the data of the fit are needed", str(folder.path), remedy)])
        return joint_production(workforce, fitted(folder, workforce))

    return sampling.resume(run, model or built, progress=progress)


def fitted(folder: RunFolder, workforce: Workforce) -> JointProductionSpec:
    """The specification of a joint-production fit. Raises DataFaults if it is none, or was made for other data."""
    record = folder.record()
    if record.get("data") is None or record.get("specification") is None:
        remedy = "give a run of `bayes-labor fit`, or pass model= for a model of another origin"
        raise DataFaults([Fault("the run does not say what was fitted", str(folder.path), remedy)])
    check_data(record, workforce)
    return JointProductionSpec.recorded(record["specification"])


def check_data(record: dict[str, Any], workforce: Workforce) -> None:
    """Raises DataFaults if the run was made for other data."""
    if record["data"]["fingerprint"] != workforce.fingerprint:
        what = f"the run was fitted to other data ({record['data']['name']}, {record['data']['fingerprint']})"
        remedy = "give the table, formula and internal terms of the fit"
        raise DataFaults([Fault(what, f"{workforce.name}: {workforce.fingerprint}", remedy)])


def describe_data(workforce: Workforce) -> dict[str, Any]:
    """What identifies a workforce."""
    all_of_them = round(float(workforce.weight.sum())) if workforce.is_weighted else 0
    told = {"workers they stand for": all_of_them, "left out": workforce.left_out, "missing": workforce.filled}
    return {
        "name": workforce.name,
        "fingerprint": workforce.fingerprint,
        "workers": workforce.n_workers,
        "workplaces": workforce.n_workplaces,
        "industries": list(workforce.industries),
        "formula": workforce.formula,
        "internal": [t for t, i in zip(workforce.terms, workforce.internal, strict=True) if i],
        "wage_unit": workforce.wage_unit,
    } | {k: v for k, v in told.items() if v}


def describe_fit(workforce: Workforce, spec: JointProductionSpec) -> dict[str, Any]:
    """What identifies a fit: specification and data."""
    settings = json.loads(spec.model_dump_json())
    options = {"formula": workforce.formula, "internal": list(workforce.internal_variables)}
    read = {"source": "", "columns": {}, "options": options}  # from Python: where the table is, only the caller knows
    return {"system": "joint-production", "specification": settings, "data": describe_data(workforce), "read": read}


def joint_recipe(workforce: Workforce, spec: JointProductionSpec, settings: SamplerSettings, weighted: bool = False) -> Recipe:
    """Of the joint-production model; ``weighted`` as for :func:`bayes_labor.models.joint_production`."""
    build = partial(joint_production, workforce, spec, weighted=weighted)
    return Recipe(build, f"{workforce.fingerprint} {spec.model_dump_json()} {weighted}", settings)
