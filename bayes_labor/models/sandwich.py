r"""Errors of regression coefficients that hold whatever the errors' variances and correlations within a cluster.

Huber and White's sandwich of generalised least squares, clustered, with the priors as further data; and the posterior that has
it for a covariance (Müller 2013, Econometrica 81: risk of such an artificial posterior is never larger in large samples).
"""

import numpy as np

from bayes_labor.models.panel_design import PanelDesign
from bayes_labor.numerics.groups import Groups


def whitened(design: PanelDesign, theta: np.ndarray, sigma: float, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """(regressors (N, P), residuals (N,)) at coefficients theta (P,), in which effects of sd tau leave errors of sd sigma.

    Each less its mean within the group times 1 - sigma / sqrt(sigma^2 + T tau^2).
    """
    groups = design.groups
    share = (1.0 - sigma / np.sqrt(sigma**2 + groups.counts * tau**2))[groups.row]
    x = design.columns - share[:, None] * groups.means(design.columns)[groups.row]
    residual = design.outcome - design.columns @ theta
    return x, residual - share * groups.means(residual)[groups.row]


def sandwich(x: np.ndarray, residual: np.ndarray, clusters: Groups, sigma: float, prior_sd: np.ndarray) -> np.ndarray:
    """(P, P) covariance, clustered, of coefficients on x (N, P), with errors of sd sigma and priors of sd (P,).

    With the factor G/(G-1) (N-1)/(N-P) of G clusters.
    """
    scores = clusters.means(x * residual[:, None]) * clusters.counts[:, None] / sigma**2
    prior = np.diag(prior_sd**-2.0)  # what it tells varies like a sample of its own
    bread = np.linalg.inv(x.T @ x / sigma**2 + prior)
    size, n = len(clusters.labels), len(x)
    factor = size / max(size - 1.0, 1.0) * (n - 1.0) / max(n - x.shape[1], 1.0)
    found: np.ndarray = bread @ (factor * scores.T @ scores + prior) @ bread
    return found


def sandwich_map(design: PanelDesign, clusters: Groups, theta: np.ndarray, sigma: float, tau: float) -> np.ndarray:
    """(P, P) A, by which theta + A (draws - theta) has the sandwich for a covariance, moving draws as little as can be.

    A = L (L^-1 S L'^-1)^(1/2) L^-1, where LL' is the covariance of the posterior with normal errors and S the sandwich; the
    identity where they are the same.

    Parameters
    ----------
    design
        The regression.
    clusters
        Of its rows: errors of different clusters are independent.
    theta
        (P,) the center, at which residuals are taken.
    sigma, tau
        Standard deviations of errors and of effects by which rows are weighted; tau is 0 without effects.

    """
    x, residual = whitened(design, theta, sigma, tau)
    robust = sandwich(x, residual, clusters, sigma, design.prior_sd)
    factor = np.linalg.inv(np.linalg.cholesky(x.T @ x / sigma**2 + np.diag(design.prior_sd**-2.0))).T
    inverse = np.linalg.inv(factor)
    values, vectors = np.linalg.eigh(inverse @ robust @ inverse.T)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    found: np.ndarray = factor @ root @ inverse
    return found
