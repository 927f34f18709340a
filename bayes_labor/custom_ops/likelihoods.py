"""Likelihoods that several systems use, as Ops whose gradients the same pass gives."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from bayes_labor.custom_ops.declaration import Field, SolverOp, integers
from bayes_labor.custom_ops.numba_binding import register_numba
from bayes_labor.likelihoods.emulator import Emulator, emulate
from bayes_labor.likelihoods.logit_panel import NODES, conditional_logit, marginal_logit
from bayes_labor.likelihoods.paired_effects import paired_likelihood
from bayes_labor.likelihoods.random_intercepts import ReducedPanel, panel_likelihood
from bayes_labor.likelihoods.regimes import smooth


def _given(name: str, *dims: str) -> Field:
    """A field in or through which nothing is differentiated."""
    return Field(name, dims, smooth=False)


class LogLikelihood(SolverOp):
    """An Op whose kernel gives a log likelihood and then its derivatives in the smooth fields, in their order."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.results = (Field("log_likelihood"), *(_given(f"d_{f.name}", *f.dims) for f in cls.fields if f.smooth))

    def settings(self) -> tuple[int, ...]:
        """See :class:`SolverOp`."""
        return tuple(getattr(self, name) for name in self.__props__)

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] * d for d in outputs[1:]]


@register_numba
class MarginalLogit(LogLikelihood):
    """Binding of :func:`bayes_labor.likelihoods.logit_panel.marginal_logit`."""

    __props__ = ("nodes",)
    fields = (Field("index", ("N",)), Field("log_tau", ("G",)), _given("won", "N"), integers("offsets", "G+1"))

    def __init__(self, nodes: int = NODES) -> None:
        if nodes < 3:
            raise ValueError(f"nodes = {nodes}: a trapezoid needs 3 or more")
        self.nodes = nodes

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return marginal_logit


@register_numba
class ConditionalLogit(LogLikelihood):
    """Binding of :func:`bayes_labor.likelihoods.logit_panel.conditional_logit`."""

    fields = (Field("index", ("N",)), _given("won", "N"), integers("offsets", "G+1"))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return conditional_logit


def marginal_logit_likelihood(index: Any, log_tau: Any, won: Any, offsets: Any, nodes: int = NODES) -> Variable:
    """Log likelihood of outcomes ``won`` (N,) at log odds ``index`` (N,) plus a normal worker effect, integrated out.

    ``log_tau`` is the log of its standard deviation: one for all workers, or (G,) by worker.
    """
    workers = pt.as_tensor(offsets).shape[0] - 1
    by_worker = pt.broadcast_to(pt.as_tensor(log_tau), (workers,))
    found: Variable = MarginalLogit(nodes)(index, by_worker, won, offsets)[0]
    return found


def conditional_logit_likelihood(index: Any, won: Any, offsets: Any) -> Variable:
    """Log likelihood of outcomes (N,) given each worker's total, so that worker effects drop out."""
    found: Variable = ConditionalLogit()(index, won, offsets)[0]
    return found


@register_numba
class PairedLikelihood(LogLikelihood):
    """Binding of :func:`bayes_labor.likelihoods.paired_effects.paired_likelihood`."""

    fields = (
        Field("first", ("n",)),
        Field("second", ("m",)),
        Field("loading", ("m",)),
        Field("scales", ("5",)),
        integers("first_offsets", "G+1"),
        integers("second_offsets", "G+1"),
    )

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return paired_likelihood


def paired_log_likelihood(
    first: Any, second: Any, loading: Any, scales: Any, first_offsets: Any, second_offsets: Any
) -> Variable:
    """Log likelihood of two linear equations of the same workers, correlated normal effects integrated out.

    Parameters
    ----------
    first
        (n,) residuals omega_i + e of the first equation, a worker's rows adjacent.
    second
        (m,) residuals loading * omega_i + mu_i + e of the second.
    loading
        (m,).
    scales
        (5,): log sd of omega, log sd of mu, their correlation in (-1, 1), log sd of e in the first and second equation.
    first_offsets, second_offsets
        (G + 1,) int; where each worker's rows begin. A worker may have none in either.

    """
    found: Variable = PairedLikelihood()(first, second, loading, scales, first_offsets, second_offsets)[0]
    return found


@register_numba
class PanelLikelihood(LogLikelihood):
    """Binding of :func:`bayes_labor.likelihoods.random_intercepts.panel_likelihood`.

    ``inner`` and ``outer``: how many coefficients move demeaned rows and worker means, see :class:`ReducedPanel`.
    """

    __props__ = ("inner", "outer")
    fields = (
        Field("theta", ("P",)),
        Field("log_sigma"),
        Field("log_tau"),
        _given("products", "K+1", "q", "q"),
        _given("rows_per_worker", "K"),
        _given("workers", "K"),
    )

    def __init__(self, inner: int, outer: int) -> None:
        self.inner, self.outer = inner, outer

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return panel_likelihood


def panel_log_likelihood(theta: Any, log_sigma: Any, log_tau: Any, panel: ReducedPanel) -> Variable:
    """Log likelihood of a linear panel with normal worker effects, gradients in all three parameters.

    Parameters
    ----------
    theta
        (P,) coefficients.
    log_sigma, log_tau
        Logarithms of the standard deviations of errors and of worker effects.
    panel
        The reduced panel.

    """
    data = (pt.constant(v) for v in (panel.products, panel.rows_per_worker, panel.workers))
    found: Variable = PanelLikelihood(panel.inner, panel.outer)(theta, log_sigma, log_tau, *data)[0]
    return found


@register_numba
class RegimeLikelihood(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.regimes.smooth`.

    By Fisher's identity the derivative of the log likelihood in any log density or log probability is the posterior
    probability that it is the one in force.
    """

    fields = (
        Field("log_initial", ("S",)),
        Field("log_transition", ("S", "S")),
        Field("log_state", ("T", "S")),
        Field("log_step", ("T", "S", "S")),
    )
    results = (Field("log_likelihood"), _given("smoothed", "T", "S"), _given("pairs", "T", "S", "S"))

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


@register_numba
class EmulatedMoments(SolverOp):
    """Binding of :func:`bayes_labor.likelihoods.emulator.emulate`."""

    fields = (
        Field("x", ("D",)),
        _given("points", "N", "D"),
        _given("trend", "K", "D+1"),
        _given("scale", "K"),
        _given("rate", "K", "D"),
        _given("spread", "K"),
        _given("weights", "K", "N"),
        _given("root", "K", "N", "N"),
        _given("inflation", "K"),
    )
    results = (Field("mean", ("K",)), Field("variance", ("K",)), _given("d_mean", "K", "D"), _given("d_variance", "K", "D"))

    def kernel(self) -> Any:
        """See :class:`SolverOp`."""
        return emulate

    def pull(self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]) -> list[Variable]:
        """See :class:`SolverOp`."""
        return [cotangents[0] @ outputs[2] + cotangents[1] @ outputs[3]]


def emulated_moments(x: Any, emulator: Emulator) -> tuple[Variable, Variable]:
    """Symbolic ((K,) moments, (K,) variances of the emulator's error) at standardised parameters x (D,)."""
    e = emulator
    held = (e.points, e.trend, e.scale, e.rate, e.spread, e.weights, e.root, e.inflation)
    mean, variance, *_ = EmulatedMoments()(x, *held)
    return mean, variance
