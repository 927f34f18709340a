"""Whether the numbers of a fit may be read: convergence gates, and what else a reader must know before the first table."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from bayes_labor.data.faults import first_few
from bayes_labor.data.joint_production.remarks import remarks
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.joint_production.settings import JointProductionSpec
from bayes_labor.posteriors.diagnostics import Gate, gates
from bayes_labor.posteriors.joint_production.comparison import GOOD_K, leave_one_out, with_log_likelihood
from bayes_labor.posteriors.joint_production.equilibrium import solve_each, thin
from bayes_labor.posteriors.joint_production.errors import replicate, residuals
from bayes_labor.posteriors.joint_production.predictive import among_coworkers, predictive_section, predictive_table, surprising
from bayes_labor.posteriors.joint_production.sensitivity import prior_sensitivity, sensitivity_section
from bayes_labor.posteriors.joint_production.solution import Solution, look_at_solution, solution_section

_SHARED = 0.05
"""Correlation of errors among coworkers, from which on the page speaks of it."""
_REPLICATIONS = 400  # of all wages, over the draws
_TOLERATED = 0.01
"""Share of wages by which model and data may differ in sign before the page says so at its top."""


@dataclass(frozen=True)
class Verdict:
    """What stands at the top of a page, and what it was read from."""

    gates: list[Gate]
    """Whether sampling has converged: where one fails, the numbers are none."""
    cautions: list[Gate]
    """What the model, the priors or the data do that a reader must know; each with advice, all of them not passed."""
    sensitivity: pd.DataFrame
    """Of :func:`.sensitivity.prior_sensitivity`."""
    predictive: tuple[pd.DataFrame, pd.DataFrame] | None
    """Of :func:`.predictive.predictive_table`; None where no draw has an equilibrium."""
    solution: Solution | None
    """Of :func:`.solution.look_at_solution`; None for a linear specification, whose outside options exhaust the product."""

    def sections(self, folder: RunFolder) -> list[dict[str, Any]]:
        """What the page of the fit shows of it besides gates and cautions."""
        shown = [predictive_section(*self.predictive, folder)] if self.predictive else []
        solved = [solution_section(self.solution, folder)] if self.solution else []
        return [*shown, sensitivity_section(self.sensitivity, folder), *solved]

    @property
    def converged(self) -> bool:
        """Whether all gates passed."""
        return all(g.passed for g in self.gates)


def judge(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, *, size: int = 1000, seed: int = 0) -> Verdict:
    """Look for everything that a verdict has to know.

    Parameters
    ----------
    draws, workforce, spec
        A fit.
    size
        Draws at which the equilibrium is solved for Pareto shapes and sensitivities; a tenth of them for predicted wages and
        for what is asked of the solution itself.
    seed
        Of the errors of replicated wages.

    """
    tree = with_log_likelihood(draws, workforce, spec, size=size)
    sensitivity = prior_sensitivity(tree, workforce, spec)
    about_data = [_repeated(workforce, spec), _conflict(sensitivity), _influential(tree, workforce, spec)]
    odd = [Gate(r.what, r.where, False, r.remedy) for r in remarks(workforce)]
    found, few = [_unasked(draws), _sampled(workforce), *odd, *about_data], max(size // 10, 10)
    solution = None if spec.is_linear else look_at_solution(draws, workforce, spec, few)
    by_seed = [solution.gate] if solution and solution.gate else []
    found += solution.cautions if solution else []
    wages, table = _predicted(draws, workforce, spec, few, seed), None
    if wages is None:
        found.append(Gate("no equilibrium", f"at none of {few} draws", False, "nothing can be predicted: look at the solver"))
    else:
        table = predictive_table(workforce, wages.replicated)
        found += [*_about_wages(workforce, spec, wages), surprising(table[0], spec)]
    return Verdict([*gates(draws), *by_seed], [g for g in found if g is not None], sensitivity, table, solution)


def _unasked(draws: xr.DataTree) -> Gate | None:
    reason = draws.attrs.get("second_opinion", {}).get("skipped")
    if reason is None:
        return None
    advice = "mass on a side that no chain visited would not be seen: try other seeds, or fit with engine='smc'"
    return Gate("no second opinion on β", reason, False, advice)


_FEW_SAMPLED = 0.55


def _sampled(workforce: Workforce) -> Gate | None:
    """Sampled coworkers; with what weights were seen to leave where it is more than a quarter of a posterior sd.

    Of 100 generated payrolls, ``benchmarks/results/thinned_payrolls.csv``: with 55% of the workers and more means of β, ψ and d
    were off by at most .22 posterior sds (error .2) in either fit.
    """
    if not workforce.is_weighted:
        return None
    value = f"{workforce.n_workers:,} sampled workers stand for {workforce.weight.sum():,.0f}"
    advice = (
        "what coworkers bring whom nobody sampled is only known on average: predicted wages of a workplace err together, and "
        "weights do not repair that"
    )
    if workforce.n_workers < _FEW_SAMPLED * workforce.weight.sum():
        advice += (
            "; in generated payrolls of which so few were left means of β lay .3 posterior sds too low, and 94% intervals of d "
            "held it in 82%"
        )
    return Gate("sampled coworkers", value, False, advice)


def _repeated(workforce: Workforce, spec: JointProductionSpec) -> Gate | None:
    share = workforce.repeated
    if not share or spec.worker_effects:
        return None
    return Gate(
        "independence", f"{share:.0%} of the rows are of people who have several", False,
        "their errors are treated as independent, and posterior sds are too small: fit with worker_effects=True, or one year",
    )  # fmt: skip


def _conflict(sensitivity: pd.DataFrame) -> Gate | None:
    rows = sensitivity.index[sensitivity["diagnosis"].str.contains("conflict")]
    if not len(rows):
        return None
    names = first_few(f"{p} ({t})" if t else p for p, t in rows)
    return Gate(
        "prior–data conflict or weak identification", names, False,
        "these rows move with the prior's weight and with the data's: say where their priors come from, and fit with others",
    )  # fmt: skip


def _influential(tree: xr.DataTree, workforce: Workforce, spec: JointProductionSpec) -> Gate | None:
    shapes = leave_one_out(tree, workforce, spec).pareto_k.to_numpy()
    flagged = np.flatnonzero(~(shapes <= GOOD_K))  # a shape that cannot be told is no good one
    if not len(flagged):
        return None
    worst = flagged[np.argsort(-shapes[flagged])]
    unit = "people" if spec.worker_effects else "workplaces"
    ids = workforce.people.labels if spec.worker_effects and workforce.people else workforce.workplaces
    named = first_few(ids[worst], show=3)
    return Gate(
        f"Pareto shapes above {GOOD_K}", f"{len(flagged)} of {len(shapes)} {unit}: {named}", False,
        "the posterior hangs on them, and leaving one out by importance sampling is not to be trusted there: look at their pay",
    )  # fmt: skip


class _Wages(NamedTuple):
    """What a fit predicts of wages, at some of its draws."""

    residual: np.ndarray
    """(N,) mean over draws, in logs where log wages have the errors."""
    below: float
    """Share of predictions below V_U."""
    replicated: list[np.ndarray]
    """Wages (N,) drawn anew, errors included."""


def _predicted(draws: xr.DataTree, workforce: Workforce, spec: JointProductionSpec, size: int, seed: int) -> _Wages | None:
    """At ``size`` draws; None if none of them has an equilibrium."""
    posterior, rng = thin(draws, size), np.random.default_rng(seed)
    residual, below, replicated = [], [], []
    for i, solved in enumerate(solve_each(draws, workforce, spec, size=size)):
        if solved is None:
            continue
        one = posterior.isel(sample=i)
        residual.append(residuals(workforce, solved.wage, spec))
        below.append(np.mean(solved.wage < float(one["V_U"])) if "V_U" in one else 0.0)
        replicated += [replicate(workforce, solved.wage, one, spec, rng) for _ in range(max(-(-_REPLICATIONS // size), 1))]
    return _Wages(np.mean(residual, axis=0), float(np.mean(below)), replicated) if residual else None


def _about_wages(workforce: Workforce, spec: JointProductionSpec, found: _Wages) -> list[Gate]:
    """Predictions below V_U, errors that coworkers share, negative wages."""
    gates = [] if spec.workplace_effects else _shared_errors(workforce, found.residual)
    share, observed = float(np.mean([np.mean(w < 0) for w in found.replicated])), float(np.mean(workforce.wage < 0))
    if abs(share - observed) > _TOLERATED:
        value = f"{share:.0%} of predictive wages, {observed:.0%} of the observed ones"
        advice = (
            "errors of one spread for all do not fit these wages: read intervals of single wages with care, or fit errors='log'"
        )
        gates.append(Gate("negative wages", value, False, advice))
    if found.below > _TOLERATED:
        advice = "workplaces without a surplus pay less than V_U: look at them, or at the prior of V_U"
        gates.append(Gate("wages below the value of unemployment", f"{found.below:.0%} of predicted wages", False, advice))
    return gates


def _shared_errors(workforce: Workforce, residual: np.ndarray) -> list[Gate]:
    """Whether errors correlate among coworkers by more than :data:`_SHARED`, and by more than chance."""
    pairs = float(np.sum(workforce.sizes * (workforce.sizes - 1)))
    correlation = among_coworkers(workforce, residual)
    if correlation < max(_SHARED, 4.0 * np.sqrt(2.0 / max(pairs, 1.0))):
        return []
    value = f"errors of coworkers correlate {correlation:.2f}"
    advice = (
        "what a workplace pays more or less than the model says is treated as its workers' own luck, and β may have to explain "
        "it: fit with workplace_effects=True, and compare"
    )
    return [Gate("independence of coworkers", value, False, advice)]
