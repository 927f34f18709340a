"""The likelihood of latent regimes as an Op. Its gradient is what smoothing finds: probabilities of regimes and of pairs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.likelihoods.regimes import smooth


@register_numba
class RegimeLikelihood(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.regimes.smooth`.

    By Fisher's identity the derivative of the log likelihood in any log density or log probability is the posterior
    probability that it is the one in force.
    """

    fields = (
        Field("log_initial", ("S",)), Field("log_transition", ("S", "S")), Field("log_state", ("T", "S")),
        Field("log_step", ("T", "S", "S")),
    )  # fmt: skip
    results = (
        Field("log_likelihood"),
        Field("smoothed", ("T", "S"), smooth=False),
        Field("pairs", ("T", "S", "S"), smooth=False),
    )

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return smooth

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        _, smoothed, pairs = outputs
        return [cotangents[0] * d for d in (smoothed[0], pairs.sum(0), smoothed, pairs)]


class RegimeProbabilities(NamedTuple):
    """Symbolic likelihood and regimes."""

    log_likelihood: Variable
    """Scalar; minus infinity where no path has positive density."""
    smoothed: Variable
    """(T, S) probability of each regime in each period, given all observations; carries no gradient."""


def regime_likelihood(log_initial: Any, log_transition: Any, log_state: Any, log_step: Any) -> RegimeProbabilities:
    """Log likelihood of a Markov chain of latent regimes, summed over all paths; arguments as for the kernel.

    Parameters
    ----------
    log_initial
        (S,) log probabilities in the first period.
    log_transition
        (S, S) log probabilities, from row to column.
    log_state
        (T, S) log density of a period's observations by its regime; 0 where nothing was observed.
    log_step
        (T, S, S) log density by the last period's regime and this one's; unused in the first period.

    """
    log_likelihood, smoothed, _ = RegimeLikelihood()(log_initial, log_transition, log_state, log_step)
    return RegimeProbabilities(log_likelihood, smoothed)
