"""Ragged arrays: the workers of all workplaces end to end, with offsets; and the checks every solver shares."""

import numba
import numpy as np

from bayes_labor.numerics.compilation import kernel, leaf


@kernel
def row_blocks(offsets: np.ndarray, blocks: int) -> np.ndarray:
    """Workplace edges (blocks + 1,) that cut the workers into blocks of about equal size."""
    n_workers = offsets[-1]
    edges = np.empty(blocks + 1, np.int64)
    for b in range(blocks + 1):
        edges[b] = np.searchsorted(offsets, b * n_workers // blocks)
    edges[0], edges[blocks] = 0, offsets.shape[0] - 1
    return edges


@leaf
def largest_row(offsets: np.ndarray, first: int, last: int) -> int:
    """Largest number of workers among workplaces first..last."""
    largest = 0
    for f in range(first, last):
        largest = max(largest, offsets[f + 1] - offsets[f])
    return largest


def check_threads(threads: int) -> int:
    """Blocks to cut the workers into: one per thread, so that a parallel loop over them uses no more threads."""
    available = numba.config.NUMBA_NUM_THREADS
    if not 1 <= threads <= available:
        raise ValueError(f"threads = {threads}: this machine offers 1 to {available} (see NUMBA_NUM_THREADS)")
    return threads


def check_vector(name: str, values: np.ndarray, size: int | None = None) -> np.ndarray:
    """Return ``values`` as a contiguous float64 vector, refusing every other type, rank or size."""
    array = np.asarray(values)
    if array.dtype != np.float64:
        raise TypeError(f"{name} has dtype {array.dtype}, expected float64: convert it yourself with .astype('float64')")
    if array.ndim != 1 or (size is not None and array.shape[0] != size):
        raise ValueError(f"{name} has shape {array.shape}, expected ({'N' if size is None else size},)")
    return np.ascontiguousarray(array)


def as_offsets(offsets: np.ndarray, n_workers: int) -> np.ndarray:
    """Return ``offsets`` as int64 after checking that they cut 0..N into non-empty workplaces."""
    array = np.asarray(offsets)
    if array.dtype.kind not in "iu" or array.ndim != 1 or array.shape[0] < 2:
        raise ValueError(f"offsets must be a vector of at least two integers, got {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    if array[0] != 0 or array[-1] != n_workers:
        raise ValueError(f"offsets run from {array[0]} to {array[-1]}, expected 0 to {n_workers}, the number of workers")
    empty = np.flatnonzero(np.diff(array) < 1)
    if empty.size:
        raise ValueError(f"offsets: workplace {empty[0]} has no workers ({empty.size} such); drop it")
    return array


def per_workplace(
    beta: float | np.ndarray, scale: float | np.ndarray, industry: np.ndarray | None, n_workplaces: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (K,) of beta and scale and the row (F,) of each workplace, so that equal exponents share one table."""
    if industry is not None:
        rows = np.asarray(industry)
        beta = check_vector("beta", np.asarray(beta))
        scale = check_vector("scale", np.broadcast_to(np.asarray(scale, dtype=np.result_type(scale)), beta.shape))
        if rows.dtype.kind not in "iu" or rows.shape != (n_workplaces,):
            raise ValueError(f"industry must be {n_workplaces} integers, one per workplace, got {rows.dtype} {rows.shape}")
        if rows.min() < 0 or rows.max() >= beta.shape[0]:
            raise ValueError(f"industry runs from {rows.min()} to {rows.max()}, but beta has {beta.shape[0]} rows")
        return beta, scale, rows.astype(np.int64)
    columns = []
    for name, value in (("beta", beta), ("scale", scale)):
        array = np.asarray(float(value) if isinstance(value, int) else value)
        columns.append(check_vector(name, np.broadcast_to(array, n_workplaces) if array.ndim == 0 else array, n_workplaces))
    pairs, rows = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]), rows.reshape(-1).astype(np.int64)


def copies_or_ones(copies: np.ndarray | None, n: int) -> np.ndarray:
    """(N,) how many workers each one stands for, one by default. Raises ValueError unless all are positive and finite."""
    if copies is None:
        return np.ones(n)
    copies = check_vector("copies", copies, n)
    if not (np.isfinite(copies).all() and (copies > 0.0).all()):
        raise ValueError("copies: give positive finite numbers of workers that each one stands for")
    return copies
