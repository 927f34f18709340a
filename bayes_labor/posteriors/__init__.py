"""From a model to draws to what people read: engines, run folder, diagnostics, tables, figures, report."""

from bayes_labor.engines.nutpie_engine import compile_model
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.engines.sampling import SamplerSettings, draw, peek
from bayes_labor.posteriors.diagnostics import Gate, gates
from bayes_labor.posteriors.joint_production.comparison import compare, holdout_elpd, leave_one_out, no_interaction
from bayes_labor.posteriors.joint_production.equilibrium import equilibria
from bayes_labor.posteriors.joint_production.fits import fit, resume, sample
from bayes_labor.posteriors.joint_production.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from bayes_labor.posteriors.joint_production.paper import reproduce
from bayes_labor.posteriors.joint_production.prior_page import prior_page
from bayes_labor.posteriors.joint_production.results import (
    by_workplace_size,
    counterfactual,
    managing,
    profiles,
    seniority_response,
    variation,
)
from bayes_labor.posteriors.joint_production.sensitivity import prior_sensitivity
from bayes_labor.posteriors.joint_production.summary import summarize
from bayes_labor.posteriors.joint_production.system import check, report
from bayes_labor.posteriors.joint_production.verdict import Verdict, judge
from bayes_labor.posteriors.plain_report import arviz_summary, plain_report
from bayes_labor.posteriors.preflight import Checked
from bayes_labor.posteriors.prior import prior_check, prior_draws
from bayes_labor.posteriors.tables import write_table

__all__ = [
    "Checked",
    "Gate",
    "MaximumLikelihood",
    "RunFolder",
    "SamplerSettings",
    "Verdict",
    "arviz_summary",
    "by_workplace_size",
    "check",
    "compare",
    "compile_model",
    "counterfactual",
    "draw",
    "equilibria",
    "fit",
    "gates",
    "holdout_elpd",
    "judge",
    "leave_one_out",
    "managing",
    "maximum_likelihood",
    "no_interaction",
    "peek",
    "plain_report",
    "prior_check",
    "prior_draws",
    "prior_page",
    "prior_sensitivity",
    "profiles",
    "report",
    "reproduce",
    "resume",
    "sample",
    "seniority_response",
    "summarize",
    "variation",
    "write_table",
]
