"""Squared distances between all pairs of vectors, block by block, and their median.

    |x − y|² = |x|² + |y|² − 2 xᵀy

is evaluated by matrix products in float64, of vectors from which the mean of all of them has been subtracted:
it is then wrong by about 1e-15 (|x|² + |y|²), with |x| the distance of x from that mean. No more than a few
blocks of pairs are in memory at a time, whatever the number of vectors. Bytes repeat for the same vectors in
the same order with the same number of BLAS threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.errors import ArgumentError

__all__ = ["centred", "checked_vectors", "median_distance", "row_blocks"]

Float64Array = NDArray[np.float64]

BLOCK = 1024
"""Rows and columns of a block of pairs: 8 MB. Any number gives the same values up to rounding."""

MOST_VECTORS = 20_000
"""Vectors up to which the median is that of all pairs (2·10⁸ of them); of more, as many are drawn."""

_BINS = 4096
_COLLECTED = 1 << 22
"""Distances that are sorted at once, 34 MB."""


def checked_vectors(vectors: ArrayLike, name: str) -> Float64Array:
    """Return vectors as float64.

    Args:
        vectors: `[N, D]` of any real type.
        name: what they are, for messages.

    Returns:
        The vectors `[N, D]`, float64 and contiguous.

    Raises:
        ArgumentError: they are not two-dimensional and real, or hold NaN or infinity.

    >>> checked_vectors([[1, 2]], "reference").dtype
    dtype('float64')
    """
    given = np.asarray(vectors)
    if given.ndim != 2 or given.shape[1] == 0 or given.dtype.kind not in "fiu":
        raise ArgumentError(f"{name}: vectors must be real numbers [N, D], not {given.dtype} {given.shape}")
    if not np.isfinite(given).all():
        raise ArgumentError(f"{name}: a vector holds NaN or infinity")
    return np.ascontiguousarray(given, dtype=np.float64)


def centred(*sets: Float64Array) -> list[Float64Array]:
    """Subtract the mean of all vectors of all sets, which leaves their distances as they are.

    Args:
        *sets: arrays `[N, D]` of one D, each with its own N.

    Returns:
        New arrays of the same shapes.

    >>> import numpy as np
    >>> centred(np.array([[1.0], [2.0]]), np.array([[3.0]]))[1]
    array([[1.]])
    """
    total = sum(len(each) for each in sets)
    mean = np.sum([each.sum(axis=0) for each in sets], axis=0) / total
    return [each - mean for each in sets]


def row_blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Divide rows into blocks, the last of which may be shorter.

    >>> list(row_blocks(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def median_distance(vectors: ArrayLike, *, lower: bool = False, seed: int = 0) -> float:
    """Return the median of the distances between all pairs of different vectors of a set.

    It is found by selection in two or three passes over the pairs, so that the distances are never in memory
    together. The distances of up to `MOST_VECTORS` vectors are taken, for more vectors those of a sample of
    as many, drawn without replacement.

    Args:
        vectors: `[N, D]`, N ≥ 2.
        lower: of an even number of distances, return the lower of the middle two, as `torch.median` does, not
            their mean.
        seed: seed of the sample.

    Returns:
        The median; 0 if at least half of the distances are zero, up to rounding.

    Raises:
        ArgumentError: there are fewer than 2 vectors, or they hold NaN or infinity.

    >>> median_distance([[0.0], [1.0], [5.0]])
    4.0
    """
    x = checked_vectors(vectors, "bandwidth")
    if len(x) < 2:
        raise ArgumentError(f"a median of distances needs at least 2 vectors, not {len(x)}")
    if len(x) > MOST_VECTORS:
        chosen = np.random.default_rng(seed).choice(len(x), MOST_VECTORS, replace=False)
        x = x[np.sort(chosen)]
    (x,) = centred(x)
    squares = np.einsum("ij,ij->i", x, x)
    pairs = len(x) * (len(x) - 1) // 2
    ranks = [(pairs - 1) // 2] if lower else [(pairs - 1) // 2, pairs // 2]
    found = _select(lambda: _squared_distances(x, squares), ranks, 4 * float(squares.max()))
    rounding = 1e-14 * float(squares.mean())
    return float(np.mean([math.sqrt(value) if value > rounding else 0.0 for value in found]))


def _squared_distances(x: Float64Array, squares: Float64Array) -> Iterator[Float64Array]:
    """The squared distances of all pairs of different rows, each pair once, in flat blocks."""
    for rows in row_blocks(len(x)):
        for columns in row_blocks(len(x)):
            if columns.start < rows.start:
                continue
            block = x[rows] @ x[columns].T
            block *= -2
            block += squares[rows, np.newaxis]
            block += squares[columns]
            np.maximum(block, 0, out=block)
            yield block[np.triu_indices(len(block), 1)] if rows == columns else block.ravel()


def _select(blocks: Callable[[], Iterator[Float64Array]], ranks: list[int], most: float) -> list[float]:
    """Return order statistics of the values of blocks, which lie between 0 and about `most`.

    A histogram gives a narrower range in which they lie, until the values in it are few enough to be sorted.
    In a range as narrow as the rounding of the values, its centre is returned.

    Args:
        blocks: gives the same blocks at each call.
        ranks: ranks of the values, from 0, ascending.
        most: about the largest value.
    """
    low, high, inside = 0.0, most * (1 + 1e-9), math.inf
    while high - low > 1e-15 * most:
        below, counts, kept = 0, np.zeros(_BINS, dtype=np.int64), []
        width = (high - low) / _BINS
        for block in blocks():
            below += int(np.count_nonzero(block < low))
            values = block[(block >= low) & (block <= high)]
            if inside <= _COLLECTED:
                kept.append(values)
                continue
            bins = np.minimum(((values - low) / width).astype(np.int64), _BINS - 1)
            counts += np.bincount(bins, minlength=_BINS)
        if kept:
            among = np.concatenate(kept)
            among.partition([rank - below for rank in ranks])
            return [float(among[rank - below]) for rank in ranks]
        # One bin more on both sides: a value close to an edge may be counted on its wrong side.
        edges = np.searchsorted(np.cumsum(counts), [rank - below for rank in ranks], side="right")
        first, last = max(int(edges[0]) - 1, 0), min(int(edges[-1]) + 2, _BINS)
        inside = int(counts[first:last].sum())
        low, high = low + first * width, low + last * width
    return [(low + high) / 2] * len(ranks)
