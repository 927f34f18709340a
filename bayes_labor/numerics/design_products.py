"""Products of a design matrix, terms by workers, with coefficients and with residuals.

Terms come first so that a term's values lie side by side and its multiple is added to all workers at once. Sums over workers
are taken chunk by chunk in a fixed order, whatever the number of threads.
"""

import numba
import numpy as np

from bayes_labor.numerics.compilation import by_threads, fused_leaf

_CHUNK = 2048  # workers, so that a chunk of the result stays in the first cache while the terms are added
_LANES = 8  # sums kept apart, so that they can be taken at once without changing their order


@fused_leaf
def _add_terms(first, last, design, coefficients, index):
    for start in range(first, last, _CHUNK):
        stop = min(start + _CHUNK, last)
        part = index[start:stop]
        for p in range(design.shape[0]):
            c, row = coefficients[p], design[p, start:stop]
            for n in range(part.shape[0]):
                part[n] += c * row[n]


def _index_of(design, coefficients, blocks):
    n_workers = design.shape[1]
    index = np.zeros(n_workers)
    for i in numba.prange(blocks):
        _add_terms(i * n_workers // blocks, (i + 1) * n_workers // blocks, design, coefficients, index)
    return index


@fused_leaf
def _sum_chunk(design, values, start, stop, sums):
    for p in range(design.shape[0]):
        row, v = design[p, start:stop], values[start:stop]
        s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        whole = v.shape[0] // _LANES * _LANES
        for n in range(0, whole, _LANES):
            s0 += row[n] * v[n]
            s1 += row[n + 1] * v[n + 1]
            s2 += row[n + 2] * v[n + 2]
            s3 += row[n + 3] * v[n + 3]
            s4 += row[n + 4] * v[n + 4]
            s5 += row[n + 5] * v[n + 5]
            s6 += row[n + 6] * v[n + 6]
            s7 += row[n + 7] * v[n + 7]
        for n in range(whole, v.shape[0]):
            s0 += row[n] * v[n]
        sums[p] = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


def _moments_of(design, values, blocks):
    n_workers = design.shape[1]
    chunks = (n_workers + _CHUNK - 1) // _CHUNK
    sums = np.zeros((chunks, design.shape[0]))
    for i in numba.prange(blocks):
        for c in range(i * chunks // blocks, (i + 1) * chunks // blocks):
            _sum_chunk(design, values, c * _CHUNK, min((c + 1) * _CHUNK, n_workers), sums[c])
    total = np.zeros(design.shape[0])
    for c in range(chunks):
        for p in range(design.shape[0]):
            total[p] += sums[c, p]
    return total


index_of, moments_of = by_threads(_index_of), by_threads(_moments_of)
