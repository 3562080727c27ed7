"""Precision, recall, density and coverage, from the nearest neighbours of two sets of vectors.

The ball of a vector reaches to its k-th nearest other vector of its own set. With n reference vectors xᵢ of
radii r(xᵢ) and m evaluation vectors yⱼ of radii r(yⱼ):

    precision = share of yⱼ in the ball of at least one xᵢ
    recall    = share of xᵢ in the ball of at least one yⱼ
    density   = Σⱼ |{i : yⱼ in the ball of xᵢ}| / (k m)
    coverage  = share of xᵢ whose ball holds at least one yⱼ

(Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019;
Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020.) A ball does not
include its surface, as in the `prdc` package of the latter.

Distances come from matrix products in float64 (`fad_core.metrics.pairwise`). A pair whose distance equals
a radius up to the rounding of these products is decided by the distances of the vectors' differences: so
vectors that occur in both sets, or many times in one, are treated as exactly as others.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.base import SetVectors
from fad_core.metrics.pairwise import Float64Array, centred, checked_vectors, row_blocks

__all__ = ["NeighbourShares", "neighbour_shares", "shared_neighbour_shares"]

_ELEMENTS = 1 << 22
"""Pairs of a block, 34 MB, or one row of pairs if that has more."""

_CLOSE = 1e-13
"""Relative error of squared distances, above which comparisons need no second look."""


@dataclass(frozen=True)
class NeighbourShares:
    """Four metrics from one search for neighbours.

    Attributes:
        precision: share of evaluation vectors in a ball of the reference, 0 to 1.
        recall: share of reference vectors in a ball of the evaluation set, 0 to 1.
        density: mean number of the reference's balls that an evaluation vector is in, over k; may exceed 1.
        coverage: share of the reference's balls that hold an evaluation vector, 0 to 1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbour_shares(reference: ArrayLike, evaluation: ArrayLike, nearest_k: int = 5) -> NeighbourShares:
    """Compute precision, recall, density and coverage.

    All pairs are evaluated, a block of rows at a time; memory does not grow with their number.

    Args:
        reference: vectors `[N, D]` of the reference set, N > k.
        evaluation: vectors `[M, D]` of the evaluation set, M > k.
        nearest_k: k, the number of neighbours whose distance is a ball's radius, at least 1.

    Returns:
        The four metrics.

    Raises:
        ArgumentError: a set has no more than k vectors, the dimensions differ, a vector holds NaN or
            infinity, or k is not a whole number of at least 1.

    >>> neighbour_shares([[0.0], [1.0], [2.0]], [[0.5], [1.5], [9.0]], nearest_k=1).coverage
    1.0
    """
    if isinstance(nearest_k, bool) or not isinstance(nearest_k, int) or nearest_k < 1:
        raise ArgumentError(f"nearest_k must be a whole number of at least 1, not {nearest_k!r}")
    given = [checked_vectors(reference, "reference"), checked_vectors(evaluation, "evaluation")]
    for name, vectors in zip(("reference", "evaluation"), given, strict=True):
        if len(vectors) <= nearest_k:
            raise ArgumentError(
                f"{name}: {len(vectors)} vectors; nearest_k={nearest_k} needs at least {nearest_k + 1}"
            )
    if given[0].shape[1] != given[1].shape[1]:
        raise ArgumentError(
            f"reference has {given[0].shape[1]} dimensions, evaluation has {given[1].shape[1]}"
        )
    x, y = (_Vectors.of(*pair) for pair in zip(given, centred(*given), strict=True))
    x_radii, y_radii = _squared_radii(x, nearest_k), _squared_radii(y, nearest_k)
    balls_of = np.zeros(len(y.rows), dtype=np.int64)
    recalled, covered = np.zeros(len(x.rows), dtype=bool), np.zeros(len(x.rows), dtype=bool)
    for rows in row_blocks(len(x.rows), _rows_of(len(y.rows))):
        block, close = x.distances(rows, y)
        in_reference = _inside(block, close, x_radii[rows, np.newaxis], x.rows[rows], y.rows)
        balls_of += in_reference.sum(axis=0)
        covered[rows] = in_reference.any(axis=1)
        recalled[rows] = _inside(block, close, y_radii[np.newaxis], x.rows[rows], y.rows).any(axis=1)
    return NeighbourShares(
        precision=float((balls_of > 0).mean()),
        recall=float(recalled.mean()),
        density=float(balls_of.mean() / nearest_k),
        coverage=float(covered.mean()),
    )


_searched: weakref.WeakKeyDictionary[
    SetVectors, weakref.WeakKeyDictionary[SetVectors, dict[int, NeighbourShares]]
] = weakref.WeakKeyDictionary()


def shared_neighbour_shares(
    reference: SetVectors, evaluation: SetVectors, nearest_k: int = 5
) -> NeighbourShares:
    """Compute precision, recall, density and coverage once for two sets, for as long as these exist.

    Args:
        reference: vectors of the reference set.
        evaluation: vectors of the evaluation set.
        nearest_k: number of neighbours whose distance is a ball's radius.

    Returns:
        The four metrics, as `neighbour_shares` computes them.

    Raises:
        ArgumentError: as `neighbour_shares`.
    """
    results = _searched.setdefault(reference, weakref.WeakKeyDictionary()).setdefault(evaluation, {})
    if nearest_k not in results:
        results[nearest_k] = neighbour_shares(reference.vectors, evaluation.vectors, nearest_k)
    return results[nearest_k]


@dataclass(frozen=True, eq=False)
class _Vectors:
    """Vectors as given, around a mean, and their squared distances from it."""

    rows: Float64Array
    around: Float64Array
    squares: Float64Array

    @classmethod
    def of(cls, rows: Float64Array, around: Float64Array) -> _Vectors:
        return cls(rows, around, np.einsum("ij,ij->i", around, around))

    def distances(self, rows: slice, other: _Vectors) -> tuple[Float64Array, Float64Array]:
        """Squared distances of some rows and all of another set `[n, M]`, and bounds of their errors."""
        block = self.around[rows] @ other.around.T
        sums = np.add.outer(self.squares[rows], other.squares)
        block *= -2
        block += sums
        sums *= _CLOSE
        return block, sums


def _rows_of(columns: int) -> int:
    return max(1, _ELEMENTS // columns)


def _squared_radii(x: _Vectors, k: int) -> Float64Array:
    """The squared distance of each vector to the k-th nearest of the others, `[N]`."""
    radii = np.zeros(len(x.rows))
    for rows in row_blocks(len(x.rows), _rows_of(len(x.rows))):
        block, _ = x.distances(rows, x)
        own = np.arange(rows.start, rows.stop)
        block[own - rows.start, own] = np.inf
        nearest = np.argpartition(block, k - 1, axis=1)[:, :k]
        for neighbours in nearest.T:
            radii[rows] = np.maximum(radii[rows], _exact(x.rows[rows], x.rows[neighbours]))
    return radii


def _exact(x: Float64Array, y: Float64Array) -> Float64Array:
    """Squared distances of pairs of rows. The same pair gives the same bits, in either order."""
    difference = x - y
    squares: Float64Array = np.einsum("ij,ij->i", difference, difference)
    return squares


def _inside(
    block: Float64Array, close: Float64Array, radii: Float64Array, x: Float64Array, y: Float64Array
) -> NDArray[np.bool_]:
    """Whether squared distances are smaller than squared radii, which have the shape `[n, 1]` or `[1, M]`."""
    apart = block - radii
    result = apart < 0
    np.abs(apart, out=apart)
    i, j = np.nonzero(apart <= close)
    limits = np.broadcast_to(radii, block.shape)
    for part in row_blocks(len(i), max(1, _ELEMENTS // x.shape[1])):
        a, b = i[part], j[part]
        result[a, b] = _exact(x[a], y[b]) < limits[a, b]
    return result
