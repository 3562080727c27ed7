"""Sufficient statistics of a set of embeddings for the Fréchet distance: count, mean and scatter.

The spread is kept as the triangular factor R of the scatter matrix `Σ (x − mean)(x − mean)ᵀ = RᵀR`,
taken from the centred data by orthogonal transformations. No covariance is ever formed on the way,
so nothing is squared: R holds singular values down to 1e-16 of the largest one, where a covariance
matrix has lost everything below 1e-8, and a set with fewer vectors than dimensions is exact.

Two sets of n₁ and n₂ vectors merge by stacking their factors on the row
`√(n₁ n₂ / (n₁ + n₂)) (mean₂ − mean₁)` and triangularising again: the square root of the update of Chan, Golub
& LeVeque ("Algorithms for computing the sample variance", The American Statistician 37, 1983).

All arithmetic is float64. Bytes repeat for the same vectors in the same order with the same number
of BLAS threads, however the rows arrive in blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.metrics.file_group import FileGroup

__all__ = ["Statistics", "statistics_of"]

Float64Array = NDArray[np.float64]

BLOCK_ROWS = 2056
"""Rows that are added to the factor at a time. Any number gives a correct result; a fixed one, equal bytes.

Measured with 256 to 4096 rows on one core: 100 000 × 128 takes 0.18–0.24 s whatever the count; 8192 × 2048
takes 3.7 s with 256 rows, 2.6 s with 2048, 2.5 s with 4096. A few more than 2048, so that the first block
fills the triangle of 2048 dimensions, and columns are not a power of two apart in memory: 128 of them are
written in LAPACK's order in 0.4 instead of 1.7 ms.
"""

_TALL = 4
"""Rows for each dimension from which on a first block is folded into a triangle of zeros.

That takes D³ · 2/3 operations more than taking its triangle at once, but LAPACK's `geqrf` goes column by
column up to 128 dimensions: 2048 × 128 takes 1.9 ms instead of 7.5 ms, 2048 × 512 as long.
"""


class _Parts(NamedTuple):
    """Intermediate statistics: `rows` is any matrix `[m, D]` with `rows.T @ rows` the scatter."""

    n: int
    mean: Float64Array
    rows: Float64Array


@dataclass(frozen=True, eq=False)
class Statistics:
    """Count, mean and scatter factor of a set of D-dimensional embeddings. Immutable.

    Attributes:
        n: number of vectors, at least 1.
        mean: mean of the vectors, float64 `[D]`.
        factor: R, float64 `[D, D]`, upper triangular with a non-negative diagonal;
            `factor.T @ factor` is the scatter matrix. Rows from `n − 1` on are zero.
        groups: statistics of groups of the set's files (`fad_core.metrics.grouping`); empty if unknown.

    Raises:
        ValueError: the parts do not fit this description.
    """

    n: int
    mean: Float64Array
    factor: Float64Array
    groups: tuple[FileGroup, ...] = ()

    def __post_init__(self) -> None:
        if self.groups and sum(group.n for group in self.groups) != self.n:
            raise ValueError(f"the groups do not have {self.n} vectors in all")
        for name in ("mean", "factor"):
            kind = np.asarray(getattr(self, name)).dtype
            if kind.kind not in "fiu":
                raise ValueError(f"the {name} holds {kind}; expected real numbers")
        mean = np.array(self.mean, dtype=np.float64, order="C")
        given = np.asarray(self.factor, dtype=np.float64)
        if self.n < 1:
            raise ValueError(f"n = {self.n}: statistics need at least one vector")
        if mean.ndim != 1 or given.shape != (mean.size, mean.size):
            raise ValueError(f"mean {mean.shape} and factor {given.shape} are not [D] and [D, D]")
        # A few vectors of many dimensions fill a few rows: the zeros below are read once, and never written.
        rows = given[: self.n - 1]
        if not (np.isfinite(mean).all() and np.isfinite(rows).all()):
            raise ValueError("mean or factor holds NaN or infinity")
        if np.tril(rows, -1).any() or (rows.diagonal() < 0).any():
            raise ValueError("factor is not upper triangular with a non-negative diagonal")
        if given[self.n - 1 :].any():
            raise ValueError(f"factor has more than n − 1 = {self.n - 1} rows that are not zero")
        factor = np.zeros(given.shape)
        factor[: self.n - 1] = rows
        for name, array in (("mean", mean), ("factor", factor)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def dimension(self) -> int:
        """D, the length of one vector."""
        return self.mean.size

    @property
    def rows(self) -> Float64Array:
        """The rows of `factor` that can differ from zero, `[min(n − 1, D), D]`."""
        return self.factor[: self.n - 1]

    @cached_property
    def squares(self) -> float:
        """Sum of the squares of `rows`: the trace of the scatter matrix."""
        return float(np.sum(self.rows * self.rows))

    @classmethod
    def from_embeddings(cls, embeddings: ArrayLike) -> Statistics:
        """Compute the statistics of embeddings in one array.

        Args:
            embeddings: `[N, D]`, N ≥ 1, of any real type.

        Returns:
            Count, mean and scatter factor, float64.

        Raises:
            ValueError: it is not two-dimensional and real, holds NaN or infinity, or has no row.

        >>> Statistics.from_embeddings([[0.0, 1.0], [2.0, 3.0]]).mean
        array([1., 2.])
        """
        return statistics_of([embeddings])

    def merge(self, other: Statistics) -> Statistics:
        """Merge with the statistics of another set.

        Args:
            other: statistics of vectors of the same dimension D.

        Returns:
            The statistics of the union of both sets' vectors.

        Raises:
            ValueError: the dimensions differ.

        >>> one, other = (Statistics.from_embeddings(rows) for rows in ([[0.0], [2.0]], [[4.0], [6.0]]))
        >>> merged = one.merge(other)
        >>> merged.n, merged.mean
        (4, array([3.]))
        """
        if other.dimension != self.dimension:
            raise ValueError(f"cannot merge {self.dimension}-d with {other.dimension}-d statistics")
        room = np.vstack([np.zeros(self.dimension), other.rows])
        return _whole(_merged(_Parts(self.n, self.mean, self.rows), _Parts(other.n, other.mean, room)))

    def covariance(self) -> Float64Array:
        """Compute the unbiased covariance matrix.

        Returns:
            float64 `[D, D]`, divided by n − 1.

        Raises:
            ValueError: n < 2.

        >>> Statistics.from_embeddings([[0.0], [2.0]]).covariance()
        array([[2.]])
        """
        if self.n < 2:
            raise ValueError("a single vector has no covariance")
        return np.asarray(self.rows.T @ self.rows / (self.n - 1))


def statistics_of(blocks: Iterable[ArrayLike]) -> Statistics:
    """Compute the statistics of embeddings that arrive in blocks.

    Memory holds one input block and `BLOCK_ROWS` rows besides, whatever the total.

    Args:
        blocks: arrays `[N, D]` of any real type, N ≥ 0, whose rows are taken in order.

    Returns:
        Count, mean and scatter factor of all rows, float64.

    Raises:
        ValueError: a block is not two-dimensional and real, holds NaN or infinity, or is of another
            D than the first; or there is no row at all.

    >>> statistics_of([[[0.0], [2.0]], [[4.0]]]).n
    3
    """
    total: _Parts | None = None
    for block in _blocks_of(BLOCK_ROWS, blocks):
        parts, dimension = _centre(block), block.shape[1]
        if total is None and parts.n >= _TALL * dimension:
            total = _Parts(0, np.zeros(dimension), np.zeros((dimension, dimension), order="F"))
        if total is None:
            total = parts._replace(rows=_triangle(parts.rows[:0], parts.rows[1:]))
        else:
            total = _merged(total, parts)
    if total is None:
        raise ValueError("no embeddings: statistics need at least one vector")
    return _whole(total)


def _blocks_of(count: int, blocks: Iterable[ArrayLike]) -> Iterator[Float64Array]:
    """The same rows in float64 blocks of `count`, the last one shorter."""
    pending: list[Float64Array] = []
    held = 0
    dimension: int | None = None
    for block in blocks:
        vectors = np.asarray(block)
        if vectors.ndim != 2 or vectors.shape[1] == 0 or vectors.dtype.kind not in "fiu":
            raise ValueError(f"embeddings must be real numbers [N, D], not {vectors.dtype} {vectors.shape}")
        if dimension is not None and vectors.shape[1] != dimension:
            raise ValueError(f"embeddings of {vectors.shape[1]} dimensions follow embeddings of {dimension}")
        dimension = vectors.shape[1]
        if not np.isfinite(vectors).all():
            raise ValueError("embeddings hold NaN or infinity")
        while len(vectors):
            piece = vectors[: count - held].astype(np.float64, order="C")
            vectors = vectors[len(piece) :]
            pending.append(piece)
            held += len(piece)
            if held == count:
                yield _joined(pending)
                pending, held = [], 0
    if held:
        yield _joined(pending)


def _joined(pieces: list[Float64Array]) -> Float64Array:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _centre(x: Float64Array) -> _Parts:
    """Count, mean and rows `[n, D]` of `x [n, D]`, which is overwritten; the first row is zero."""
    n = len(x)
    mean = x.mean(axis=0)
    # In place, since memory that is taken anew costs as much as a pass over it, or more.
    x -= mean
    # The rounding of a large mean would be taken for spread. What it left behind is small, so a
    # second mean gets it almost exactly.
    rest = x.mean(axis=0)
    x -= rest
    # n centred rows have only n − 1 degrees of freedom. The reflection that sends (1, …, 1) to the
    # first axis empties the first row; on rows that sum to zero, this is all it does to the others.
    # Written in LAPACK's order, or it would be copied there, element by element.
    rows = np.empty(x.shape, order="F")
    rows[0] = 0
    np.subtract(x[1:], x[0] / (math.sqrt(n) + 1), out=rows[1:])
    return _Parts(n, mean + rest, rows)


def _merged(total: _Parts, other: _Parts) -> _Parts:
    """Both sets together; `total.rows` is upper trapezoidal, and so is the result's.

    The first row of `other.rows` is zero: it is room for what lies between the means.
    """
    n = total.n + other.n
    step = other.mean - total.mean
    other.rows[0] = math.sqrt(total.n * (other.n / n)) * step
    return _Parts(n, total.mean + (other.n / n) * step, _triangle(total.rows, other.rows))


def _triangle(upper: Float64Array, rows: Float64Array) -> Float64Array:
    """R `[min(m, D), D]` of the QR decomposition of upper trapezoidal rows stacked on any rows.

    `rows` may be overwritten.
    """
    # A tenth of a second, which what only reads statistics does without.
    from fad_core.metrics.linear_algebra import linalg

    dimension = rows.shape[1]
    if len(upper) + len(rows) == 0:
        return rows
    if len(upper) < dimension:
        stacked = np.vstack([upper, rows])
        (result,) = linalg.qr(stacked, mode="r", overwrite_a=True, check_finite=False)
    else:
        # LAPACK leaves a triangle's zeros alone. The more columns, the more it should reflect at once.
        panel = min(dimension, max(16, min(64, dimension // 32)))
        result, _, _, info = linalg.lapack.dtpqrt(0, panel, upper, rows, overwrite_b=True)
        if info != 0:
            raise RuntimeError(f"LAPACK dtpqrt refused its argument {-info}")
    triangle = np.asarray(result[:dimension], dtype=np.float64)
    # R is unique up to the signs of its rows; `+ 0.0` turns −0.0 into 0.0.
    signs = np.where(triangle.diagonal() < 0, -1.0, 1.0)
    return np.asarray(signs[:, np.newaxis] * triangle + 0.0)


def _whole(parts: _Parts) -> Statistics:
    """`parts` with the factor filled up with rows of zeros to `[D, D]`."""
    factor = np.zeros((parts.mean.size, parts.mean.size))
    factor[: len(parts.rows)] = parts.rows
    return Statistics(parts.n, parts.mean, factor)
