"""The estimators of the paper, by the libraries of the field, beside which the posterior is set.

statsmodels for pooled least squares and logit, linearmodels for the within estimator, pyfixest for a second opinion on both.
"""

import numpy as np


def clustered(x: np.ndarray, residual: np.ndarray, worker: np.ndarray, parameters: int) -> np.ndarray:
    """(P,) standard errors clustered by worker, with the usual factor G/(G-1) (N-1)/(N-p)."""
    _, row = np.unique(worker, return_inverse=True)
    groups = row.max() + 1
    scores = np.stack([np.bincount(row, x[:, j] * residual) for j in range(x.shape[1])], axis=1)
    bread = np.linalg.inv(x.T @ x)
    factor = groups / (groups - 1.0) * (len(x) - 1.0) / (len(x) - parameters)
    return np.sqrt(factor * np.diag(bread @ (scores.T @ scores) @ bread))
