"""Solvers of :mod:`bayes_labor.theory` as PyTensor Ops with gradients, for the Numba, JAX and Python linkers."""

import wrapt

from bayes_labor.custom_ops.joint_production import nash_payroll, outside_option, task_assignment, to_workers, workplace_sum
from bayes_labor.custom_ops.learning import human_capital
from bayes_labor.custom_ops.likelihoods import (
    conditional_logit_likelihood,
    emulated_moments,
    marginal_logit_likelihood,
    paired_log_likelihood,
    panel_log_likelihood,
    regime_likelihood,
)
from bayes_labor.custom_ops.products import design_index, quadratic_form
from bayes_labor.custom_ops.sorting import sorting_equilibrium


@wrapt.when_imported("pytensor.link.jax.dispatch")
def _bind_jax(_: object) -> None:
    """Importing JAX takes seconds: register its kernels when PyTensor's JAX linker is first asked for."""
    import bayes_labor.custom_ops.jax_binding
    import bayes_labor.custom_ops.joint_production_jax  # noqa: F401


__all__ = [
    "conditional_logit_likelihood",
    "design_index",
    "emulated_moments",
    "human_capital",
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
