r"""The hierarchy of beta over industries, in coordinates in which its posterior is nearly normal.

Industries have atanh beta_k ~ N(b, s^2). Where data tell s badly, neither the industries' own values nor their standardised
distances from b suit a sampler: the first have a funnel where s is small, the second one where it is large. Here industries are

.. math:: \operatorname{atanh} \beta_k = m + h(s) \sum_j B_{kj} c_j, \quad h(s) = s t / \sqrt{s^2 + t^2},

with m their mean, B an orthonormal basis of vectors that sum to zero and t as much as the data may leave open of an industry:
h is s where the prior decides and t where the data do. Then m ~ N(b_0, p^2 + s^2 / K) and c_j ~ N(0, 1 + s^2 / t^2) for a prior
b ~ N(b_0, p^2), and what m leaves open of b is one more standard normal coordinate.
"""

from typing import Any

import numpy as np

_PER_WORKER = 6.0  # t over the root of the workers of an industry: too much costs little, too little leaves a funnel


def looseness(workers: int, industries: int) -> float:
    """t: an upper guess of an industry's posterior standard deviation, were there no hierarchy. Any is right."""
    return float(_PER_WORKER / np.sqrt(workers / industries))


def contrasts(industries: int) -> np.ndarray:
    """(K, K - 1) orthonormal vectors that sum to zero: each an industry against the mean of those before it (Helmert's)."""
    after = np.arange(1, industries)
    below = np.triu(np.ones((industries, industries - 1)))
    below[after, after - 1] = -after
    found: np.ndarray = below / np.sqrt(after * (after + 1.0))
    return found


def of_industries(level: Any, spread: Any, contrast: Any, t: float, industries: int, xp: Any) -> Any:
    """(K,) atanh beta from m, s and c (K - 1,), in the namespace ``xp``: NumPy's, PyTensor's or JAX's."""
    return level + spread * t / xp.sqrt(spread**2 + t**2) * xp.dot(contrasts(industries), contrast)


def their_mean(level: Any, spread: Any, rest: Any, prior: tuple[float, float], industries: int, xp: Any) -> Any:
    """B from m, s and the standard normal coordinate of what m leaves open; ``prior`` are its mean and standard deviation."""
    mean, sd = prior
    share = sd**2 / (sd**2 + spread**2 / industries)
    return mean + share * (level - mean) + rest * sd * xp.sqrt(1.0 - share)
