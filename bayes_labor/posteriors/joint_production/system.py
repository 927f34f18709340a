"""Joint production as a system."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.baseball import baseball
from bayes_labor.data.joint_production.norway import norway
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.data.tables import ENDINGS, Reading, kind_of, read_table
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.inputs import prior_rows
from bayes_labor.models.joint_production.model import joint_production
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.joint_production.calibration import calibrate
from bayes_labor.posteriors.joint_production.comparison import beta_by_fit, compare
from bayes_labor.posteriors.joint_production.effective_prior import effective_prior, words
from bayes_labor.posteriors.joint_production.finding import finding
from bayes_labor.posteriors.joint_production.fits import describe_data
from bayes_labor.posteriors.joint_production.foresight import look_ahead
from bayes_labor.posteriors.joint_production.observed import observed_wages
from bayes_labor.posteriors.joint_production.predictive import predict
from bayes_labor.posteriors.joint_production.prior_page import prior_page
from bayes_labor.posteriors.joint_production.releases import releases
from bayes_labor.posteriors.joint_production.results import counterfactual
from bayes_labor.posteriors.joint_production.sections import report_sections
from bayes_labor.posteriors.joint_production.summary import SYMBOL, summarize
from bayes_labor.posteriors.joint_production.verdict import Verdict, judge
from bayes_labor.posteriors.preflight import Checked, check_model
from bayes_labor.posteriors.report import write_report
from bayes_labor.posteriors.system import System


def read(
    source: str, columns: dict[str, str], reading: Reading | None = None, *, formula: str = "", internal: Sequence[str] = (),
    worker: str = "", person: str = "", leave_out: Sequence[str] = (), missing: str = "", weight: str = "",
    simulated: bool = False,
) -> Workforce:  # fmt: skip
    """A workforce: ``baseball``, ``norway``, ``norway:600`` (that many workplaces), or a file.

    ``columns`` names the file's for workplace, industry and wage; ``worker`` and ``person`` are columns with ids.
    """
    if source == "baseball":
        return baseball(formula=formula) if formula else baseball()
    kind, _, size = source.partition(":")
    if kind == "norway" and (not size or size.isdecimal()):
        return norway(int(size)) if size else norway()
    if kind_of(source) not in ENDINGS or not formula:
        read_table(source, reading=reading)  # what is wrong with the file comes first
        raise DataFaults([Fault("a table needs a formula", source, "--formula 'experience + seniority' --internal seniority")])
    unknown = sorted(set(columns) - {"workplace", "industry", "wage"})
    if unknown:
        remedy = "--column names workplace, industry and wage; other columns stand in the formula by their own names"
        raise DataFaults([Fault(f"there is no column {unknown[0]!r} to name", "--column", remedy)])
    named: dict[str, Any] = {
        "worker": worker or None,
        "person": person or None,
        "leave_out": leave_out,
        "missing": missing,
        "weight": weight or None,
        "simulated": simulated,
    }
    named |= columns | {"name": Path(source).stem}
    return Workforce.from_file(source, formula, list(internal), reading=reading, **named)


def _counterfactual(
    spec: JointProductionSpec, data: Workforce, draws: xr.DataTree, changes: Mapping[str, tuple[bool, Any]], size: int
) -> pd.DataFrame:
    """Means over workers, and the surplus as a share of all pay, before and after: posterior mean and 94% interval."""
    new = {n: data.covariates[n] + v if adds and n in data.covariates else v for n, (adds, v) in changes.items()}
    found = counterfactual(draws, data, data.changed(**new), spec, size=size)
    rows = {}
    wage = "median wage" if spec.errors == "log" else "wage"  # the mean is exp(sigma^2 / 2) times as high
    shown = {wage: found["wage"].mean("worker"), "outside option": found["outside_option"].mean("worker")}
    everybody = xr.DataArray(data.weight, dims="worker")  # whom a sampled worker stands for: the surplus is of them all
    shown["surplus ÷ pay"] = found["surplus"].sum("workplace") / (everybody * found["wage"]).sum("worker")
    for name, (before, after) in shown.items():
        for label, values in (("baseline", before), ("changed", after), ("difference", after - before)):
            low, high = np.quantile(values, [0.03, 0.97])
            rows[name, label] = {"mean": float(values.mean()), "3%": low, "97%": high}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["quantity", "economy"])


def _explain(spec: JointProductionSpec, data: Workforce) -> str:
    units = "γ and ψ are per unit of the term as written; A is revenue per unit of talent of a worker whose "
    medians = (
        " Log wages have the errors: predicted wages, and what is made of them on this page, are medians, and means are "
        "exp((σ² + τ² + ω²) ÷ 2) times as high; σ, τ and ω are log points."
    )
    told = medians if spec.errors == "log" else ""
    return f"{words(effective_prior(data, spec))} {units}characteristics are all zero.{told}"


JOINT_PRODUCTION = System(
    name="joint-production",
    title="Joint production",
    lead="Wages as outside options plus a share of the surplus that a team makes together.",
    spec=JointProductionSpec,
    read=read,
    build=joint_production,
    describe=describe_data,
    symbols=SYMBOL,
    summarize=lambda spec, data, draws: summarize(draws, data, spec),
    judge=lambda spec, data, draws: judge(draws, data, spec),
    sections=report_sections,
    finding=finding,
    priors=lambda spec, data: "\n".join(map(str, prior_rows(data, spec).values())),
    explain=_explain,
    prior=lambda spec, data, folder, draws: prior_page(data, spec, folder, draws=draws),
    foresee=look_ahead,
    compare=lambda fits, data, size, refits: compare(fits, data, size=size, refits=refits, workers=1).join(beta_by_fit(fits)),
    calibrate=calibrate,
    counterfactual=_counterfactual,
    releases=releases,
    observed=observed_wages,
    solved=("feasible_share", "V_domain", "V_coefficients"),
    predict=predict,
)


def report(
    draws: xr.DataTree,
    workforce: Workforce,
    spec: JointProductionSpec,
    run: str | Path,
    *,
    size: int = 100,
    verdict: Verdict | None = None,
) -> Path:
    """Write report.html, tables and figures of a fit into its run folder.

    Parameters
    ----------
    draws
        What :func:`bayes_labor.posteriors.sample` returned, or was read from a run folder.
    workforce, spec
        What the model was built from.
    run
        The run folder.
    size
        Posterior draws at which the equilibrium is solved again for the pictures.
    verdict
        What :func:`.verdict.judge` said of the fit, if it was asked already.

    Returns
    -------
    Path
        Of the page.

    """
    system = replace(JOINT_PRODUCTION, sections=partial(report_sections, size=size))
    found = verdict or judge(draws, workforce, spec, size=10 * size)
    return write_report(system, spec, workforce, draws, RunFolder(Path(run)), found)


def check(workforce: Workforce, spec: JointProductionSpec | None = None, *, draws: int = 200, seed: int = 0) -> Checked:
    """Look at a fit before it is sampled; modes are looked for among at most 50,000 workers.

    Raises
    ------
    DataFaults
        If the specification does not fit the workforce.

    """
    spec = spec or JointProductionSpec()
    return check_model(joint_production(workforce, spec), partial(look_ahead, spec, workforce), draws, seed)
