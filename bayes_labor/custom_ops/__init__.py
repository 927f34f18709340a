"""Solvers of :mod:`bayes_labor.theory` as PyTensor Ops with gradients, for the Numba, JAX and Python linkers."""

import wrapt

from bayes_labor.custom_ops.assignment import task_assignment
from bayes_labor.custom_ops.design import design_index
from bayes_labor.custom_ops.emulator import emulated_moments
from bayes_labor.custom_ops.logit_panel import conditional_logit_likelihood, marginal_logit_likelihood
from bayes_labor.custom_ops.outside_option import outside_option
from bayes_labor.custom_ops.paired_effects import paired_log_likelihood
from bayes_labor.custom_ops.payroll import nash_payroll, to_workers, workplace_sum
from bayes_labor.custom_ops.quadratic import quadratic_form
from bayes_labor.custom_ops.random_intercepts import panel_log_likelihood
from bayes_labor.custom_ops.regimes import regime_likelihood
from bayes_labor.custom_ops.sorting import sorting_equilibrium


@wrapt.when_imported("pytensor.link.jax.dispatch")
def _bind_jax(_: object) -> None:
    """Importing JAX takes seconds: register its kernels when PyTensor's JAX linker is first asked for."""
    import bayes_labor.custom_ops.jax_binding  # noqa: F401


__all__ = [
    "conditional_logit_likelihood",
    "design_index",
    "emulated_moments",
    "marginal_logit_likelihood",
    "nash_payroll",
    "outside_option",
    "paired_log_likelihood",
    "panel_log_likelihood",
    "quadratic_form",
    "regime_likelihood",
    "sorting_equilibrium",
    "task_assignment",
    "to_workers",
    "workplace_sum",
]
