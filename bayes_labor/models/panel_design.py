"""Regressors of a panel: named columns in blocks, some fixed by worker and some that vary within workers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault

FIXED = ("intercept", "worker", "means")
"""Blocks whose columns do not vary within workers."""


class IdentificationError(DataFaults):
    """Raised where regressors cannot be told apart within workers."""


@dataclass(frozen=True)
class PanelDesign:
    """Columns with their names, blocks and priors, for the rows of a regression."""

    table: pd.DataFrame
    """The rows."""
    columns: np.ndarray
    """(N, P)."""
    terms: tuple[str, ...]
    blocks: tuple[str, ...]
    """Of each column: ``intercept``, ``worker`` (fixed), ``means`` (of what varies), or a group that varies."""
    prior_sd: np.ndarray
    """(P,) of normal priors around zero (the intercept's around the mean outcome)."""

    def without(self, term: str) -> "PanelDesign":
        """Leave out a column."""
        kept = [i for i, t in enumerate(self.terms) if t != term]
        terms, blocks = tuple(self.terms[i] for i in kept), tuple(self.blocks[i] for i in kept)
        return PanelDesign(self.table, self.columns[:, kept], terms, blocks, self.prior_sd[kept])

    @property
    def worker(self) -> np.ndarray:
        """(N,) labels."""
        return self.table["id"].to_numpy()


def group_means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(N,) the mean of each row's group."""
    _, row, counts = np.unique(group, return_inverse=True, return_counts=True)
    return (np.bincount(row, values) / counts)[row]


def check_identified(design: PanelDesign) -> None:
    """Raises IdentificationError if some combination of the varying regressors does not vary within workers."""
    inside = [i for i, b in enumerate(design.blocks) if b not in FIXED]
    if not inside:
        return
    x = design.columns[:, inside]
    _, row, counts = np.unique(design.worker, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(row, x[:, j]) / counts for j in range(x.shape[1])], axis=1)
    demeaned = x - means[row]
    scale = np.linalg.norm(demeaned, axis=0)
    values, vectors = np.linalg.svd(demeaned / np.where(scale > 0, scale, 1.0), full_matrices=False)[1:]
    if values[-1] < 1e-8 * values[0]:
        weights = np.abs(vectors[-1])
        names = [design.terms[inside[j]] for j in np.flatnonzero(weights > 0.05 * weights.max())]
        remedy = (
            "leave out a block, or give more rows in which they change; age rises by one a year, so that it cannot stand "
            "beside a trend of years"
        )
        raise IdentificationError([Fault(f"{', '.join(names)} cannot be told apart within workers", "regressors", remedy)])
