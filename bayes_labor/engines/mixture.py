"""A mixture fitted to draws, as a proposal that reaches every mode they are in."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import linalg, spatial, special

_STEPS = 20  # of expectation and maximisation
_TAIL = 5.0  # degrees of freedom of a component: heavier tails than the posterior's
_FOR_OTHERS = 0.2  # share of proposals that go to components that were not fitted to the draws


class Mixture(NamedTuple):
    """Student-t components in D dimensions."""

    weight: np.ndarray
    """(K,)."""
    center: np.ndarray
    """(K, D)."""
    factor: np.ndarray
    """(K, D, D) Cholesky factors of the scales."""

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n, D) points."""
        k = rng.choice(len(self.weight), n, p=self.weight)
        z = rng.normal(size=(n, self.center.shape[1])) * np.sqrt(_TAIL / rng.chisquare(_TAIL, n))[:, None]
        found: np.ndarray = self.center[k] + np.einsum("nij,nj->ni", self.factor[k], z)
        return found

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """(n,) at points (n, D), up to a constant."""
        found: np.ndarray = special.logsumexp(self._each(x), axis=1)
        return found

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """(n,) component that a point most probably came from, were all as heavy."""
        found: np.ndarray = (self._each(x) - np.log(self.weight)).argmax(1)
        return found

    def _each(self, x: np.ndarray) -> np.ndarray:
        distance, log_scale = _distances(x, self.center, self.factor)
        found: np.ndarray = -0.5 * (_TAIL + x.shape[1]) * np.log1p(distance / _TAIL) + np.log(self.weight) - log_scale
        return found

    def also_at(self, others: Sequence[tuple[np.ndarray, np.ndarray]]) -> "Mixture":
        """With more components, center (D,) and factor (D, D) each, that share a fifth of the proposals."""
        if not others:
            return self
        weight = np.concatenate([(1.0 - _FOR_OTHERS) * self.weight, np.full(len(others), _FOR_OTHERS / len(others))])
        points, factors = zip(*others, strict=True)
        return Mixture(weight, np.concatenate([self.center, points]), np.concatenate([self.factor, factors]))


def fit_mixture(x: np.ndarray, rng: np.random.Generator, most: int = 12) -> Mixture:
    """A mixture for draws (n, D), with as many components, up to ``most``, as Schwarz's criterion likes."""
    scale, middle = shrunk_factor(x), x.mean(0)
    z = linalg.solve_triangular(scale, (x - middle).T, lower=True).T
    fits = [_climb(z, k, rng) for k in (1, 2, 3, 4, 6, 8, 12) if k <= most and (k == 1 or k * x.shape[1] < len(x))]
    (weight, center, factor), _ = min(fits, key=lambda f: f[1])
    return Mixture(weight, middle + center @ scale.T, scale @ factor)


def shrunk_factor(x: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    """Cholesky factor of the covariance of points (n, D) with weights (n,), shrunk towards its diagonal while they are few."""
    share = np.ones(len(x)) if share is None else share
    n, d = float(share.sum()), x.shape[1]
    gap = x - share @ x / max(n, 1e-12)
    covariance, keep = (gap * share[:, None]).T @ gap / max(n, 1e-12), n / (n + 2.0 * d)
    diagonal = np.maximum(np.diag(covariance), 1e-12)
    return np.linalg.cholesky(keep * covariance + (1.0 - keep) * np.diag(diagonal))


def _distances(x: np.ndarray, center: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n, K) squared distances in the components' scales, (K,) log determinants of their factors)."""
    z = [linalg.solve_triangular(f, (x - c).T, lower=True) for c, f in zip(center, factor, strict=True)]
    return np.array([(v**2).sum(0) for v in z]).T, np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)


def _climb(z: np.ndarray, k: int, rng: np.random.Generator) -> tuple[Mixture, float]:
    """(normal mixture of k components, Schwarz's criterion), by expectation and maximisation from clusters."""
    n, d = z.shape
    nearest = spatial.distance.cdist(z, z[rng.choice(n, k, replace=False)]).argmin(1)
    share = np.eye(k)[nearest]
    for _ in range(_STEPS):
        weight = (share.sum(0) + 1e-9) / (n + 1e-9 * k)
        center = (share.T @ z) / (n * weight)[:, None]
        factor = np.array([shrunk_factor(z, s) for s in share.T])
        distance, log_scale = _distances(z, center, factor)
        each = -0.5 * distance + np.log(weight) - log_scale
        total = special.logsumexp(each, axis=1)
        share = np.exp(each - total[:, None])
    return Mixture(weight, center, factor), float(-2.0 * total.sum() + k * (1 + d + d * (d + 1) / 2) * np.log(n))
