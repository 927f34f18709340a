"""Joint production as a system."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.baseball import baseball
from bayes_labor.data.joint_production.norway import norway
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.data.tables import read_table
from bayes_labor.models.joint_production.model import joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.density import compiled_density
from bayes_labor.posteriors.joint_production.calibration import calibrate
from bayes_labor.posteriors.joint_production.comparison import compare
from bayes_labor.posteriors.joint_production.fits import describe_data
from bayes_labor.posteriors.joint_production.foresight import foresee, foresee_from_modes
from bayes_labor.posteriors.joint_production.preflight import SEARCHED, prior_outcomes
from bayes_labor.posteriors.joint_production.prior_page import prior_page
from bayes_labor.posteriors.joint_production.report import report
from bayes_labor.posteriors.joint_production.results import counterfactual
from bayes_labor.posteriors.joint_production.summary import SYMBOL, summarize
from bayes_labor.posteriors.joint_production.verdict import judge
from bayes_labor.posteriors.system import System

_SHOWN = ("wage", "outside_option", "surplus_share")


def read(
    source: str, columns: dict[str, str], *, formula: str = "", internal: Sequence[str] = (), worker: str = "", person: str = ""
) -> Workforce:
    """A workforce: ``baseball``, ``norway``, ``norway:600`` (that many workplaces), or a .parquet or .csv file.

    ``columns`` names the file's for workplace, industry and wage; ``worker`` and ``person`` are columns with ids.
    """
    if source == "baseball":
        return baseball(formula=formula) if formula else baseball()
    kind, _, size = source.partition(":")
    if kind == "norway" and (not size or size.isdecimal()):
        return norway(int(size)) if size else norway()
    readers = {".csv": Workforce.from_csv, ".parquet": Workforce.from_parquet}
    reader = readers.get(Path(source).suffix.lower())
    if reader is None or not formula:
        read_table(source)  # what is wrong with the file comes first
        raise DataFaults([Fault("a table needs a formula", source, "--formula 'experience + seniority' --internal seniority")])
    unknown = sorted(set(columns) - {"workplace", "industry", "wage"})
    if unknown:
        remedy = "--column names workplace, industry and wage; other columns stand in the formula by their own names"
        raise DataFaults([Fault(f"there is no column {unknown[0]!r} to name", "--column", remedy)])
    named: dict[str, Any] = columns | {"worker": worker or None, "person": person or None, "name": Path(source).stem}
    return reader(source, formula, list(internal), **named)


def _foresee(spec: JointProductionSpec, data: Workforce, model: pm.Model) -> tuple[dict[str, str], list[str]]:
    outcomes, negative = prior_outcomes(model)
    troubles = [*foresee(data, outcomes, negative)]
    if data.n_workers <= SEARCHED:
        troubles += foresee_from_modes(data, spec, model, compiled_density(model))
    words = {
        "prior draws by outcome": ", ".join(f"{k} {v:.0%}" for k, v in outcomes.items()),
        "negative prior wages": f"{negative:.0%}",
    }
    return words, troubles


def _counterfactual(
    spec: JointProductionSpec, data: Workforce, draws: xr.DataTree, changes: Mapping[str, tuple[bool, Any]], size: int
) -> pd.DataFrame:
    """Means over workers before and after, posterior mean and 94% interval."""
    new = {n: data.covariates[n] + v if adds and n in data.covariates else v for n, (adds, v) in changes.items()}
    found = counterfactual(draws, data, data.changed(**new), spec, size=size)
    rows = {}
    for name in _SHOWN:
        before, after = found[name].mean("worker")
        for label, values in (("baseline", before), ("changed", after), ("difference", after - before)):
            low, high = np.quantile(values, [0.03, 0.97])
            rows[name, label] = {"mean": float(values.mean()), "3%": low, "97%": high}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["quantity", "economy"])


JOINT_PRODUCTION = System(
    name="joint-production",
    title="Joint production",
    spec=JointProductionSpec,
    read=read,
    build=joint_production,
    describe=describe_data,
    symbols=SYMBOL,
    summarize=lambda spec, data, draws: summarize(draws, data, spec),
    judge=lambda spec, data, draws: judge(draws, data, spec),
    report=lambda spec, data, draws, run, verdict: report(draws, data, spec, run, verdict=verdict),
    prior=lambda spec, data, folder, draws: prior_page(data, spec, folder, draws=draws),
    foresee=_foresee,
    compare=lambda fits, data, size, refits: compare(fits, data, size=size, refits=refits, workers=1),
    calibrate=calibrate,
    counterfactual=_counterfactual,
)
