"""The sorting model's results: tables, identification, least squares, responses to recessions, page."""

from bayes_labor.posteriors.sorting.identification import contraction_by_direction, identification
from bayes_labor.posteriors.sorting.least_squares import LeastSquares, least_squares
from bayes_labor.posteriors.sorting.paper import reproduce_sorting
from bayes_labor.posteriors.sorting.results import dispersion, moment_fit, recession_response, shocks, summarize_sorting

__all__ = [
    "LeastSquares",
    "contraction_by_direction",
    "dispersion",
    "identification",
    "least_squares",
    "moment_fit",
    "recession_response",
    "reproduce_sorting",
    "shocks",
    "summarize_sorting",
]
