"""Which hypothetical matches the expectation in the outside option is made of (section 3 of the joint-production model)."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Matching:
    """Which workplaces are averaged over, and whom they meet. Drawn once, then held fixed.

    Use :meth:`exact` or :meth:`sampled`.
    """

    workplace: np.ndarray
    """(E,) int64, the workplaces averaged over, in their order; one that meets several workers stands there as often."""
    worker: np.ndarray
    """(E,) int64, the worker each of them meets; empty when the expectation is taken at nodes."""
    weight: np.ndarray
    """(E,) float64, number of workplaces each stands for."""
    nodes: int
    """Chebyshev nodes in z; 0 for ``sampled``."""

    @classmethod
    def exact(cls, offsets: np.ndarray, nodes: int = 8, subsample: int | None = None, seed: int = 0) -> Self:
        """Average over all workplaces, or over ``subsample`` of them stratified by size, at ``nodes`` values of z.

        Raises ValueError if ``nodes`` < 2 or ``subsample`` is not between 1 and the number of workplaces.
        """
        n_workplaces = len(offsets) - 1
        if nodes < 2:
            raise ValueError(f"nodes = {nodes}: the outside option needs at least 2 Chebyshev nodes; 8 is the default")
        if subsample is None:
            subsample = n_workplaces
        if not 1 <= subsample <= n_workplaces:
            raise ValueError(f"subsample = {subsample}: choose between 1 and {n_workplaces}, the number of workplaces")
        # Systematic sampling from the workplaces in order of size: every size class gets its share.
        order = np.argsort(np.diff(offsets), kind="stable")
        start = np.random.default_rng(seed).uniform() if subsample < n_workplaces else 0.5
        picks = np.floor((np.arange(subsample) + start) * n_workplaces / subsample).astype(np.int64)
        chosen = np.sort(order[picks])
        weight = np.full(subsample, n_workplaces / subsample)
        return cls(chosen.astype(np.int64), np.empty(0, np.int64), weight, nodes)

    @classmethod
    def sampled(cls, offsets: np.ndarray, seed: int = 0, matchings: int = 1) -> Self:
        """Give every workplace workers drawn at random from the whole sample: one, as the paper does, or ``matchings``.

        Raises ValueError if ``matchings`` < 1.
        """
        if matchings < 1:
            raise ValueError(f"matchings = {matchings}: every workplace meets at least one worker")
        n_workplaces = len(offsets) - 1
        worker = np.random.default_rng(seed).integers(0, offsets[-1], (matchings, n_workplaces)).T.ravel()
        workplace = np.repeat(np.arange(n_workplaces), matchings)
        return cls(workplace, worker, np.full(len(worker), 1.0 / matchings), 0)

    def __post_init__(self) -> None:
        if (np.diff(self.workplace) < 0).any():
            raise ValueError("workplace: give the matches in the order of their workplaces")

    @property
    def kind(self) -> str:
        """``"exact"`` or ``"sampled"``."""
        return "exact" if self.nodes else "sampled"
