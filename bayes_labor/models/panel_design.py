"""Regressors of a panel: named columns in blocks, some fixed within groups (workers, teams) and some that vary."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.models.priors import Prior
from bayes_labor.numerics.groups import Groups

FIXED = ("intercept", "worker", "means")
"""Blocks whose columns do not vary within groups."""


class IdentificationError(DataFaults):
    """Raised where regressors cannot be told apart within groups."""


@dataclass(frozen=True)
class PanelDesign:
    """A regression: its outcome, and columns with their names, blocks and priors."""

    outcome: np.ndarray
    """(N,)."""
    columns: np.ndarray
    """(N, P)."""
    terms: tuple[str, ...]
    blocks: tuple[str, ...]
    """Of each column: ``intercept``, ``worker`` (fixed), ``means`` (of what varies), or a group that varies."""
    prior_mean: np.ndarray
    """(P,) of independent normal priors."""
    prior_sd: np.ndarray
    """(P,)."""
    groups: Groups
    """Of the rows: workers, or teams."""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The rows that the columns were made of."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Why, by name, of what the rows cannot tell."""

    def without(self, term: str) -> "PanelDesign":
        """Leave out a column."""
        kept = [i for i, t in enumerate(self.terms) if t != term]
        terms, blocks = tuple(self.terms[i] for i in kept), tuple(self.blocks[i] for i in kept)
        mean, sd = self.prior_mean[kept], self.prior_sd[kept]
        return replace(self, columns=self.columns[:, kept], terms=terms, blocks=blocks, prior_mean=mean, prior_sd=sd)

    def extended(self, terms: Sequence[str], block: str, columns: Sequence[np.ndarray], prior: Prior) -> "PanelDesign":
        """Add columns (N,) of one block, each with this normal prior."""
        more, (mean, sd) = len(terms), prior.values
        return replace(
            self,
            columns=np.column_stack([self.columns, *columns]),
            terms=(*self.terms, *terms),
            blocks=(*self.blocks, *[block] * more),
            prior_mean=np.append(self.prior_mean, np.full(more, mean)),
            prior_sd=np.append(self.prior_sd, np.full(more, sd)),
        )

    def places(self, *blocks: str) -> list[int]:
        """Of the columns of some blocks."""
        return [i for i, b in enumerate(self.blocks) if b in blocks]

    @property
    def varying(self) -> list[int]:
        """Places of the columns that vary within groups."""
        return [i for i, b in enumerate(self.blocks) if b not in FIXED]


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
    names: Sequence[str], columns: np.ndarray, groups: Groups | None = None, where: str = ""
) -> tuple[list[int], dict[str, str]]:
    """(places of the columns (N, P) that can be told apart within groups, why not by name of the others); first ones stay.

    Without groups: told apart from each other and a constant.
    """
    inside = columns - columns.mean(0) if groups is None else groups.within(columns)
    size = np.linalg.norm(columns, axis=0)
    adds, moves = independent(inside, size), np.linalg.norm(inside, axis=0) > _TOLERANCE * size
    reasons = {True: f"a combination of others{where}", False: f"never varies{where}"}
    left_out = {n: reasons[bool(m)] for n, a, m in zip(names, adds, moves, strict=True) if not a}
    return [int(j) for j in np.flatnonzero(adds)], left_out


def check_identified(design: PanelDesign) -> None:
    """Raises IdentificationError if some combination of the varying regressors does not vary within groups."""
    if not design.varying:
        return
    x = design.columns[:, design.varying]
    demeaned, size = design.groups.within(x), np.linalg.norm(x, axis=0)
    scale = np.linalg.norm(demeaned, axis=0)
    fixed = scale <= _TOLERANCE * size
    values, vectors = np.linalg.svd(demeaned / np.where(fixed, 1.0, scale), full_matrices=False)[1:]
    if fixed.any() or values[-1] < 1e-8 * values[0]:
        weights = np.where(fixed, 1.0, 0.0) if fixed.any() else np.abs(vectors[-1])
        names = [design.terms[design.varying[j]] for j in np.flatnonzero(weights > 0.05 * weights.max())]
        remedy = (
            "leave out a block, or give more rows in which they change; age rises by one a year, so that it cannot stand "
            "beside a trend of years"
        )
        raise IdentificationError([Fault(f"{', '.join(names)} cannot be told apart within workers", "regressors", remedy)])
