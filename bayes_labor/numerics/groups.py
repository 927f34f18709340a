"""Rows in groups, a worker's or a team's: found once, when data are read or designed, and carried with them from there."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Groups:
    """Which of G groups each of N rows belongs to."""

    labels: np.ndarray
    """(G,) in ascending order."""
    row: np.ndarray
    """(N,) int, place of each row's group among the labels."""

    @classmethod
    def of(cls, labels: Any) -> "Groups":
        """Of the label (N,) of each row, in any order."""
        return cls(*np.unique(np.asarray(labels), return_inverse=True))

    def at(self, rows: np.ndarray) -> "Groups":
        """Of some rows, by place (as often as it is named) or as a mask; groups without a row are gone."""
        row = self.row[rows]
        seen = np.bincount(row, minlength=len(self.labels)) > 0
        return Groups(self.labels[seen], (np.cumsum(seen) - 1)[row])

    @cached_property
    def counts(self) -> np.ndarray:
        """(G,) rows of each group; 0 where it has none."""
        return np.bincount(self.row, minlength=len(self.labels))

    @cached_property
    def offsets(self) -> np.ndarray:
        """(G + 1,) int64 where each group's rows begin, if a group's rows are adjacent and groups in order."""
        return np.append(0, np.cumsum(self.counts))

    @cached_property
    def order(self) -> np.ndarray:
        """(N,) rows by group: with them in this order a group's rows are adjacent, at :attr:`offsets`."""
        return np.argsort(self.row, kind="stable")

    @cached_property
    def repeated(self) -> bool:
        """Whether some group has several rows; else no effect of groups can be told from the errors."""
        return bool((self.counts > 1).any())

    def means(self, values: np.ndarray) -> np.ndarray:
        """(G,) or (G, P) mean over each group's rows of values (N,) or (N, P); 0 where it has none."""
        found = np.empty((len(self.labels), *values.shape[1:]))
        for column, own in zip(np.atleast_2d(found.T), np.atleast_2d(values.T), strict=True):
            column[:] = np.bincount(self.row, own, len(self.labels)) / np.maximum(self.counts, 1)
        return found

    def within(self, values: np.ndarray) -> np.ndarray:
        """(N,) or (N, P) less the mean of each row's group."""
        return values - self.means(values)[self.row]
