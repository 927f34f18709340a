"""Regressors of a panel: named columns in blocks, some fixed by worker and some that vary within workers."""

from dataclasses import dataclass, field

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
    left_out: dict[str, str] = field(default_factory=dict)
    """Why, by name, of what the rows cannot tell."""

    def without(self, term: str) -> "PanelDesign":
        """Leave out a column."""
        return self.only([i for i, t in enumerate(self.terms) if t != term])

    def only(self, kept: list[int]) -> "PanelDesign":
        """The columns at these places."""
        terms, blocks = tuple(self.terms[i] for i in kept), tuple(self.blocks[i] for i in kept)
        return PanelDesign(self.table, self.columns[:, kept], terms, blocks, self.prior_sd[kept], self.left_out)

    @property
    def worker(self) -> np.ndarray:
        """(N,) labels."""
        return self.table["id"].to_numpy()

    @property
    def repeated(self) -> bool:
        """Whether some worker has several rows; else no effect of workers can be told from the errors."""
        return len(np.unique(self.worker)) < len(self.table)


def group_means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(N,) the mean of each row's group."""
    _, row, counts = np.unique(group, return_inverse=True, return_counts=True)
    return (np.bincount(row, values) / counts)[row]


def within_groups(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(N, P) less the means of each row's group."""
    _, row, counts = np.unique(group, return_inverse=True, return_counts=True)
    means = [np.bincount(row, v) / counts for v in values.T]
    return values - np.stack(means, axis=1)[row] if means else values


_TOLERANCE = 1e-8  # of a column's own length


def independent(columns: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(P,) whether each of the columns (N, P) adds to those before it; zero means below a tolerance times ``size`` (P,)."""
    basis, adds = np.empty((len(columns), 0)), np.zeros(columns.shape[1], bool)
    for j, column in enumerate(columns.T):
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)  # once more, for what rounding left
        length = float(np.linalg.norm(rest))
        adds[j] = length > _TOLERANCE * size[j]
        if adds[j]:
            basis = np.column_stack([basis, rest / length])
    return adds


def told_apart(
    names: list[str], columns: np.ndarray, group: np.ndarray, where: str = ""
) -> tuple[list[int], dict[str, str]]:  # fmt: skip
    """(places of the columns that can be told apart within groups, why not by name of the others); the first ones stay."""
    inside, size = within_groups(columns, group), np.linalg.norm(columns, axis=0)
    adds, moves = independent(inside, size), np.linalg.norm(inside, axis=0) > _TOLERANCE * size
    reasons = {True: f"a combination of others{where}", False: f"never varies{where}"}
    left_out = {n: reasons[bool(m)] for n, a, m in zip(names, adds, moves, strict=True) if not a}
    return [int(j) for j in np.flatnonzero(adds)], left_out


def check_identified(design: PanelDesign) -> None:
    """Raises IdentificationError if some combination of the varying regressors does not vary within workers."""
    inside = [i for i, b in enumerate(design.blocks) if b not in FIXED]
    if not inside:
        return
    x = design.columns[:, inside]
    demeaned, size = within_groups(x, design.worker), np.linalg.norm(x, axis=0)
    scale = np.linalg.norm(demeaned, axis=0)
    fixed = scale <= _TOLERANCE * size
    values, vectors = np.linalg.svd(demeaned / np.where(fixed, 1.0, scale), full_matrices=False)[1:]
    if fixed.any() or values[-1] < 1e-8 * values[0]:
        weights = np.where(fixed, 1.0, 0.0) if fixed.any() else np.abs(vectors[-1])
        names = [design.terms[inside[j]] for j in np.flatnonzero(weights > 0.05 * weights.max())]
        remedy = (
            "leave out a block, or give more rows in which they change; age rises by one a year, so that it cannot stand "
            "beside a trend of years"
        )
        raise IdentificationError([Fault(f"{', '.join(names)} cannot be told apart within workers", "regressors", remedy)])
