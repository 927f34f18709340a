"""From a model to draws to what people read: engines, run folder, diagnostics, tables, figures, report."""

from bayes_labor.posteriors.diagnostics import Gate, gates
from bayes_labor.posteriors.equilibrium import equilibria
from bayes_labor.posteriors.preflight import Preflight, check, prior_draws
from bayes_labor.posteriors.report import report
from bayes_labor.posteriors.run_folder import RunFolder
from bayes_labor.posteriors.sampling import SamplerSettings, compile_model, draw, fit, peek, resume, sample
from bayes_labor.posteriors.tables import summarize, write_table

__all__ = [
    "Gate",
    "Preflight",
    "RunFolder",
    "SamplerSettings",
    "check",
    "compile_model",
    "draw",
    "equilibria",
    "fit",
    "gates",
    "peek",
    "prior_draws",
    "report",
    "resume",
    "sample",
    "summarize",
    "write_table",
]
