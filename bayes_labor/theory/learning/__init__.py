"""Learning on the job: firms of any size whose workers teach each other, with search on the job.

``primitives`` are technology and rules; ``closed_forms`` and ``finite`` exact special cases; ``network`` the value functions,
``joint_value`` and ``worker_value`` their equations, ``training`` their solution; ``simulation`` the economy event by event;
``equilibrium`` brings them together. Modules that need JAX are imported by name, so that the rest works without it.
"""

from bayes_labor.theory.learning.primitives import (
    Meetings,
    Offer,
    Parameters,
    check_parameters,
    coworker_gaps,
    log_growth,
    mean_gaps,
    meeting,
    meetings,
    nonemployment,
    output,
    renegotiation,
)

__all__ = [
    "Meetings",
    "Offer",
    "Parameters",
    "check_parameters",
    "coworker_gaps",
    "log_growth",
    "mean_gaps",
    "meeting",
    "meetings",
    "nonemployment",
    "output",
    "renegotiation",
]
