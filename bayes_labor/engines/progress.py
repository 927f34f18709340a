"""Draws of a running fit on disk: new ones are appended every second, so that a killed process loses a second or two.

A run folder that is being sampled holds ``partial.draws`` and is locked by the process that samples; the lock goes with the
process, however it ends. The file is a row of blocks, each with a header before it: draws, statistics and unconstrained points
since the block before. A block that a kill cut short is as if it had never been begun. Headers know the one before: no block
can be missing, stand twice or elsewhere.
"""

import fcntl
import io
import json
import os
import struct
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.signals import raise_if_heard
from bayes_labor.engines.stored import STATISTICS

INTERVAL = 1.0
"""Seconds between two writes."""
_SOONER = 0.25  # the same for what is under way, which is small and comes in pieces of a second's work
_BLOCK = struct.Struct("<8sQII")  # mark, bytes that follow, their CRC-32, the CRC-32 of this and of the header before
_MARK = b"draws\x004\n"
_BLOCK_3, _MARK_3 = struct.Struct("<8sQI"), b"draws\x003\n"  # of format 3, without the last
_MOST_BLOCKS = 1000  # of a file, after which it is written as one: each has some kilobytes of names


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
        """The draws in a file; None if there is none yet. Raises DataFaults if they cannot be read.

        Releases that wrote format 2 kept them whole in ``partial.npz``, which is read where there is no other file.
        """
        earlier = path.with_suffix(".npz")
        if not path.is_file() and not earlier.is_file():
            return None
        good, found = 0, list[Self]()
        try:
            if not path.is_file():
                path = earlier
                return cls._read(path.read_bytes())
            for block, end in _blocks(path):
                read = cls._read(block)
                if found:
                    found[0]._goes_with(read)
                found.append(read)
                good = end
            return found[0].followed_by(*found[1:]) if len(found) > 1 else found[0]
        except Exception as error:  # numpy's, zip's and JSON's for a file in pieces, or none of ours
            what = f"the draws of the unfinished fit cannot be read: {' '.join(str(error).split())[:120]}"
            remedy = "nothing in it can be recovered: remove it, and `bayes-labor resume` samples from the start"
            if good:
                whole = sum(int(d.counts.sum()) for d in found)
                remedy = f"{whole} draws before that are whole: `truncate -s {good}` on it, and `bayes-labor resume` goes on"
            raise DataFaults([Fault(what, str(path), remedy)]) from None

    @classmethod
    def _read(cls, block: bytes) -> Self:
        with np.load(io.BytesIO(block)) as held:
            groups: dict[str, dict[str, np.ndarray]] = {"posterior": {}, "stats": {}}
            for name in held.files:
                group, _, variable = name.partition("/")
                if variable:
                    groups[group][variable] = held[name]
            draws = cls(held["unconstrained"], held["counts"], **groups, state=json.loads(str(held["state"])))
        draws._check()
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

    def _goes_with(self, later: Self) -> None:
        """Raises ValueError for draws of other variables or another number of chains."""
        alike = (self._shapes(), len(self.counts)) == (later._shapes(), len(later.counts))
        if not alike or set(self.stats) != set(later.stats):
            raise ValueError("blocks that do not belong together")

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {k: v.shape[2:] for k, v in (self.posterior | {"": self.unconstrained}).items()}

    def _block(self, before: int) -> tuple[bytes, int]:
        """(bytes with a header before them, the header's checksum) behind a header of checksum ``before``, 0 for the first."""
        arrays: dict[str, Any] = {f"posterior/{k}": v for k, v in self.posterior.items()}
        arrays |= {f"stats/{k}": v for k, v in self.stats.items()}
        held = io.BytesIO()
        state = np.array(json.dumps(self.state))
        np.savez(held, unconstrained=self.unconstrained, counts=self.counts, state=state, **arrays)
        body = held.getvalue()
        header, checksum = _header(len(body), zlib.crc32(body), before)
        return header + body, checksum

    def save(self, path: Path) -> "Written":
        """Replace the file by one block, in one step: it is whole at any moment."""
        temporary = path.with_suffix(".writing")
        block, checksum = self._block(0)
        try:
            _write(temporary, "wb", block)
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        return Written(len(block), checksum)

    def append(self, path: Path, written: "Written") -> "Written":
        """Add these draws to those ``written`` to the file before; on a full disk nothing is added."""
        block, checksum = self._block(written.checksum)
        try:
            _write(path, "ab", block)
        except OSError:
            os.truncate(path, written.size)
            raise
        return Written(written.size + len(block), checksum)

    def since(self, counts: np.ndarray) -> Self:
        """The draws of every chain beyond its first ``counts``."""
        new = self.counts - counts
        rows = np.minimum(counts[:, None] + np.arange(int(new.max(initial=0))), max(self.unconstrained.shape[1] - 1, 0))

        def part(array: np.ndarray) -> np.ndarray:
            return array[np.arange(len(array))[:, None], rows]

        return type(self)(
            part(self.unconstrained), new, {k: part(v) for k, v in self.posterior.items()},
            {k: part(v) for k, v in self.stats.items()}, self.state,
        )  # fmt: skip

    def within(self, length: int) -> Self:
        """The same draws, with room for ``length`` of every chain."""
        room = length - self.unconstrained.shape[1]

        def widened(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array, np.full((len(array), room, *array.shape[2:]), np.nan)], axis=1)

        return self if room <= 0 else type(self)(
            widened(self.unconstrained), self.counts, {k: widened(v) for k, v in self.posterior.items()},
            {k: widened(v) for k, v in self.stats.items()}, self.state,
        )  # fmt: skip

    def cut(self, draws: int) -> Self:
        """The first ``draws`` of every chain."""
        return type(self)(
            self.unconstrained[:, :draws], np.minimum(self.counts, draws), {k: v[:, :draws] for k, v in self.posterior.items()},
            {k: v[:, :draws] for k, v in self.stats.items()}, self.state,
        )  # fmt: skip

    def followed_by(self, *later: Self) -> Self:
        """Chain by chain, these draws and then those."""
        parts = (self, *later)
        counts = np.sum([d.counts for d in parts], axis=0)

        def join(arrays: list[np.ndarray]) -> np.ndarray:
            joined, at = np.full((len(counts), int(counts.max()), *arrays[0].shape[2:]), np.nan), np.zeros_like(counts)
            for array, part in zip(arrays, parts, strict=True):
                for c, n in enumerate(part.counts):
                    joined[c, at[c] : at[c] + n] = array[c, :n]
                at += part.counts
            return joined

        stats = [k for k in self.stats if all(k in d.stats for d in later)]
        return type(self)(
            join([d.unconstrained for d in parts]), counts,
            {k: join([d.posterior[k] for d in parts]) for k in self.posterior},
            {k: join([d.stats[k] for d in parts]) for k in stats}, reduce(or_, (d.state for d in parts)),
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


class Written(NamedTuple):
    """How far a file of draws has got."""

    size: int = 0
    checksum: int = 0
    """Of its last header."""


def _header(size: int, body: int, before: int) -> tuple[bytes, int]:
    """(header of a block, its checksum) of so many bytes with a checksum ``body``, behind a header of checksum ``before``."""
    checksum = zlib.crc32(struct.pack("<QII", size, body, before))
    return _BLOCK.pack(_MARK, size, body, checksum), checksum


def _write(path: Path, mode: Literal["wb", "ab"], block: bytes) -> None:
    with path.open(mode) as file:
        file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    """(block, where it ends in the file) of all that are whole; the first must be, and none but the last may be cut short."""
    with path.open("rb") as file:
        end = before = 0
        form = _BLOCK_3 if file.read(len(_MARK_3)) == _MARK_3 else _BLOCK
        file.seek(0)
        while True:
            head = file.read(form.size)
            if end and (len(head) < form.size or not any(head)):  # cut short, or what a power cut leaves: zeros
                return
            if len(head) < form.size:
                raise ValueError("no block of draws is whole")
            mark, size, checksum, *own = form.unpack(head)
            if mark != (_MARK if own else _MARK_3):
                raise ValueError("there is no block of draws where one should begin")
            if own and _header(size, checksum, before)[1] != own[0]:
                raise ValueError("a block of draws does not belong behind the one before it")
            body = file.read(min(size, path.stat().st_size))
            if len(body) < size and end:
                return
            if zlib.crc32(body) != checksum:
                raise ValueError("a block of draws is not as it was written")
            end, before = end + form.size + size, own[0] if own else 0
            yield body, end


class Keeper:
    """Writes draws to a file, at most once in :data:`INTERVAL` and at most half of the time.

    Draws of one run of a sampler are appended as they come; ``earlier`` ones, of runs before, stand in front of them.
    """

    def __init__(self, path: Path | None, earlier: Draws | None = None) -> None:
        self.path, self.trouble = path, ""
        self._next = self._asked = 0.0
        self.follow(earlier)

    def follow(self, earlier: Draws | None) -> None:
        """From here on draws are kept behind these, or none."""
        self._earlier, self._counts, self._blocks, self._written = earlier, np.empty(0, np.int64), 0, Written()

    def due(self) -> bool:
        """Whether it is time to write again. Raises what a signal meant, where a library has swallowed it."""
        raise_if_heard()
        now = time.monotonic()
        if self.path is None or now < self._next:
            return False
        self._asked = now
        return True

    def keep(self, draws: Draws) -> None:
        """Write the draws so far of this run of the sampler. A full disk stops the writing, not the sampling."""
        if self.path is None:
            return
        before, self._asked = self._asked or time.monotonic(), 0.0  # reading the sampler's draws takes time too
        try:
            as_left = self.path.exists() and self.path.stat().st_size == self._written.size
            if as_left and 0 < self._blocks < _MOST_BLOCKS:
                if (draws.counts == self._counts).all():
                    return
                self._written = draws.since(self._counts).append(self.path, self._written)
            else:
                self._written = (self._earlier.followed_by(draws) if self._earlier is not None else draws).save(self.path)
                self._blocks = 0
            self._blocks, self._counts, self.trouble = self._blocks + 1, draws.counts.copy(), ""
        except OSError as error:
            if not self.trouble:
                warnings.warn(f"draws cannot be written ({error}); sampling goes on in memory", RuntimeWarning, stacklevel=2)
            self.trouble = str(error)
        now = time.monotonic()
        self._next = now + max(INTERVAL - (now - before), now - before)

    def keep_aside(self, arrays: Mapping[str, np.ndarray], **about: Any) -> None:
        """Write what an engine has under way besides draws, in the place of what it was before; ``about`` as JSON."""
        if self.path is None:
            return
        before, self._asked, held = self._asked or time.monotonic(), 0.0, io.BytesIO()
        np.savez(held, _about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        body, file = held.getvalue(), aside_of(self.path)
        try:
            _write(file.with_suffix(".writing"), "wb", _header(len(body), zlib.crc32(body), 0)[0] + body)
            os.replace(file.with_suffix(".writing"), file)
        except OSError as error:
            file.with_suffix(".writing").unlink(missing_ok=True)
            if not self.trouble:
                warnings.warn(f"what is under way cannot be written ({error}); it goes on", RuntimeWarning, stacklevel=2)
            self.trouble = str(error)
        now = time.monotonic()
        self._next = now + max(_SOONER - (now - before), now - before)

    def aside(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """(arrays, about) as written last; None where there is nothing, or it is not as it was written: work, but no draws."""
        if self.path is None or not aside_of(self.path).is_file():
            return None
        try:
            (body, _), *_ = _blocks(aside_of(self.path))
            with np.load(io.BytesIO(body)) as held:
                return {k: held[k] for k in held.files if k != "_about"}, json.loads(str(held["_about"]))
        except Exception:  # numpy's, zip's and JSON's for a file in pieces
            return None

    def replace(self, draws: Draws) -> None:
        """Write these draws in the place of all that were kept."""
        self._asked = 0.0
        self.follow(None)
        self.keep(draws)


def aside_of(path: Path) -> Path:
    """The file of what is under way, beside that of draws."""
    return path.with_suffix(".state")


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
