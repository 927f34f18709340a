"""Bonuses and promotion tournaments: results, tables, figures and the page of the paper."""

from bayes_labor.posteriors.bonuses.comparison import leave_one_career_out, leave_one_worker_out, worker_log_likelihood
from bayes_labor.posteriors.bonuses.cut import cut_prize
from bayes_labor.posteriors.bonuses.effects import average_effects
from bayes_labor.posteriors.bonuses.paper import reproduce_bonuses
from bayes_labor.posteriors.bonuses.primitives import moment_table, summarize_primitives, tournament_primitives
from bayes_labor.posteriors.bonuses.prior_page import bonus_prior_page
from bayes_labor.posteriors.bonuses.results import (
    decomposition,
    ordered_levels,
    predicted_bonus,
    predictions,
    quartiles,
    r2_by_draw,
    semi_elasticity,
    structural_ratios,
    turning_age,
)
from bayes_labor.posteriors.bonuses.two_step import bootstrap, placebo, two_step

__all__ = [
    "average_effects",
    "bonus_prior_page",
    "bootstrap",
    "cut_prize",
    "decomposition",
    "leave_one_career_out",
    "leave_one_worker_out",
    "moment_table",
    "ordered_levels",
    "placebo",
    "predicted_bonus",
    "predictions",
    "quartiles",
    "r2_by_draw",
    "reproduce_bonuses",
    "semi_elasticity",
    "structural_ratios",
    "summarize_primitives",
    "tournament_primitives",
    "turning_age",
    "two_step",
    "worker_log_likelihood",
]
