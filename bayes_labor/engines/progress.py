"""Draws of a running fit on disk: written again every second, replaced in one step, so that a killed process loses a second.

A run folder that is being sampled holds ``partial.npz`` (draws, statistics, unconstrained points of all chains so far) and is
locked by the process that samples; the lock goes with the process, however it ends.
"""

import fcntl
import json
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.stored import STATISTICS

INTERVAL = 1.0
"""Seconds between two writes."""


@dataclass
class Draws:
    """Draws of all chains so far; chains may have got differently far."""

    unconstrained: np.ndarray
    """(chain, draw, dimension), NaN where a chain has not got."""
    counts: np.ndarray
    """(chain,) draws of each chain."""
    posterior: dict[str, np.ndarray]
    """Variables in the units of the data, (chain, draw, ...)."""
    stats: dict[str, np.ndarray]
    """Statistics of the sampler, (chain, draw)."""
    state: dict[str, Any] = field(default_factory=dict)
    """What the engine needs to go on exactly, as JSON."""

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The draws in a file; None if there is none yet. Raises DataFaults if they cannot be read."""
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file) as held:
                groups: dict[str, dict[str, np.ndarray]] = {"posterior": {}, "stats": {}}
                for name in held.files:
                    group, _, variable = name.partition("/")
                    if variable:
                        groups[group][variable] = held[name]
                draws = cls(held["unconstrained"], held["counts"], **groups, state=json.loads(str(held["state"])))
            draws._check()
        except Exception as error:  # numpy's, zip's and JSON's for a file in pieces, or none of ours
            what = f"the draws of the unfinished fit cannot be read: {' '.join(str(error).split())[:120]}"
            remedy = "nothing in it can be recovered: remove it, and `bayes-labor resume` samples from the start"
            raise DataFaults([Fault(what, str(path), remedy)]) from None
        return draws

    def _check(self) -> None:
        """Raises ValueError for arrays that do not belong together."""
        chains, longest = self.unconstrained.shape[:2]
        arrays = [*self.posterior.values(), *self.stats.values()]
        if self.unconstrained.ndim != 3 or self.counts.shape != (chains,) or self.counts.dtype.kind not in "iu":
            raise ValueError("chains of no known length")
        if not self.posterior or not set(STATISTICS) <= set(self.stats):
            raise ValueError("variables of the model, or the sampler's statistics, are missing")
        if not all(a.dtype.kind in "fiub" and a.shape[:2] == (chains, longest) for a in arrays):
            raise ValueError("variables of other lengths than the chains")
        held = np.arange(longest) < self.counts[:, None]
        if not (0 <= self.counts.min() <= self.counts.max() <= longest) or not np.isfinite(self.unconstrained[held]).all():
            raise ValueError("fewer draws than counted")

    def save(self, path: Path) -> None:
        """Replace the file in one step: it is whole at any moment."""
        arrays: dict[str, Any] = {f"posterior/{k}": v for k, v in self.posterior.items()} | {
            f"stats/{k}": v for k, v in self.stats.items()
        }
        temporary = path.with_suffix(".writing")
        try:
            with temporary.open("wb") as file:
                np.savez(
                    file, unconstrained=self.unconstrained, counts=self.counts, state=np.array(json.dumps(self.state)), **arrays
                )
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def cut(self, draws: int) -> Self:
        """The first ``draws`` of every chain."""
        return type(self)(
            self.unconstrained[:, :draws], np.minimum(self.counts, draws), {k: v[:, :draws] for k, v in self.posterior.items()},
            {k: v[:, :draws] for k, v in self.stats.items()}, self.state,
        )  # fmt: skip

    def followed_by(self, later: Self) -> Self:
        """Chain by chain, these draws and then those."""
        length = int((self.counts + later.counts).max())

        def join(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            joined = np.full((len(first), length, *first.shape[2:]), np.nan)
            for c, (m, n) in enumerate(zip(self.counts, later.counts, strict=True)):
                joined[c, :m], joined[c, m : m + n] = first[c, :m], second[c, :n]
            return joined

        return type(self)(
            join(self.unconstrained, later.unconstrained), self.counts + later.counts,
            {k: join(self.posterior[k], later.posterior[k]) for k in self.posterior},
            {k: join(self.stats[k], later.stats[k]) for k in self.stats if k in later.stats}, self.state | later.state,
        )  # fmt: skip

    def started(self) -> Self:
        """The chains that have draws: with fewer cores than chains the others wait for their turn."""
        has = self.counts > 0
        return type(self)(
            self.unconstrained[has], self.counts[has], {k: v[has] for k, v in self.posterior.items()},
            {k: v[has] for k, v in self.stats.items()}, self.state,
        )  # fmt: skip

    def tree(self, dims: dict[str, tuple[str, ...]], coords: dict[str, Any]) -> xr.DataTree:
        """As groups ``posterior`` and ``sample_stats``, over the draws that all chains have."""
        whole = self.cut(int(self.counts.min()))

        def dataset(arrays: dict[str, np.ndarray]) -> xr.Dataset:
            names = {
                k: ("chain", "draw", *dims.get(k, tuple(f"{k}_dim_{i}" for i in range(v.ndim - 2)))) for k, v in arrays.items()
            }
            used = {d for own in names.values() for d in own}
            axes = {"chain": np.arange(len(self.counts)), "draw": np.arange(int(self.counts.min()))}
            return xr.Dataset(
                {k: (names[k], v) for k, v in arrays.items()}, axes | {k: list(v) for k, v in coords.items() if k in used}
            )

        stats = {k: v.astype(bool) if k in ("diverging", "maxdepth_reached") else v for k, v in whole.stats.items()}
        return xr.DataTree.from_dict({"posterior": dataset(whole.posterior), "sample_stats": dataset(stats)})


class Keeper:
    """Writes draws to a file, at most once in :data:`INTERVAL` and at most a tenth of the time."""

    def __init__(self, path: Path | None, earlier: Draws | None = None) -> None:
        self.path, self.earlier, self.trouble = path, earlier, ""
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time to write again."""
        return self.path is not None and time.monotonic() >= self._next

    def keep(self, draws: Draws) -> None:
        """Write all draws so far. A full disk stops the writing, not the sampling."""
        if self.path is None:
            return
        before = time.monotonic()
        try:
            (self.earlier.followed_by(draws) if self.earlier is not None else draws).save(self.path)
            self.trouble = ""
        except OSError as error:
            if not self.trouble:
                warnings.warn(f"draws cannot be written ({error}); sampling goes on in memory", RuntimeWarning, stacklevel=2)
            self.trouble = str(error)
        now = time.monotonic()
        self._next = now + max(INTERVAL - (now - before), 9.0 * (now - before))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process. Raises DataFaults if another one is sampling into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        remedy = "choose a folder that you may write to, not at or under a file"
        raise DataFaults([Fault(f"the run folder cannot be written: {error.strerror}", str(folder), remedy)]) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            remedy = "wait for it (`bayes-labor peek` shows how far it is), or choose another folder"
            raise DataFaults([Fault("another process is sampling into this run folder", str(folder), remedy)]) from None
        yield
