"""Kernels, and their sums over all pairs of vectors of two sets, which MMD² consists of.

Kernels are evaluated on blocks of products of vectors and added up in float64. The Gaussian kernel takes
vectors from which their common mean has been subtracted: it is wrong by about 1e-15 (|x|² + |y|²) / σ²,
relative, with |x| the distance of x from that mean. Each pair is evaluated once. `fad_core.metrics.mmd` makes
the distance and its interval of the sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.base import SetVectors
from fad_core.metrics.mmd import FileSums, KernelDistance
from fad_core.metrics.pairwise import Float64Array, centred, checked_vectors, row_blocks

__all__ = ["CubicKernel", "GaussianKernel", "Kernel", "kernel_distance", "sums_across"]


class Kernel(Protocol):
    """A kernel that is a function of products of vectors."""

    def prepare(self, x: Float64Array, y: Float64Array) -> list[Float64Array]:
        """Return the vectors `[N, D]` and `[M, D]` whose products the kernel is a function of."""

    def evaluate(self, products: Float64Array, x_halves: Float64Array, y_halves: Float64Array, /) -> None:
        """Replace products `[N, M]` by the kernel; half the squared lengths are `[N]` and `[M]`."""


@dataclass(frozen=True)
class GaussianKernel:
    """The Gaussian kernel, k(x, y) = exp(−γ |x − y|²).

    Attributes:
        gamma: γ = 1 / (2 σ²) for the bandwidth σ.
    """

    gamma: float

    def prepare(self, x: Float64Array, y: Float64Array) -> list[Float64Array]:
        """Return the vectors around their common mean, times √(2γ)."""
        vectors = centred(x, y)
        for each in vectors:
            each *= math.sqrt(2 * self.gamma)
        return vectors

    def evaluate(self, products: Float64Array, x_halves: Float64Array, y_halves: Float64Array, /) -> None:
        """Replace products of the prepared vectors by the kernel."""
        products -= x_halves[:, np.newaxis]
        products -= y_halves
        np.minimum(products, 0, out=products)  # above 0 by rounding only
        np.exp(products, out=products)


@dataclass(frozen=True)
class CubicKernel:
    """The cubic polynomial kernel, k(x, y) = (xᵀy / D + 1)³."""

    def prepare(self, x: Float64Array, y: Float64Array) -> list[Float64Array]:
        """Return the vectors divided by √D."""
        return [each / math.sqrt(each.shape[1]) for each in (x, y)]

    def evaluate(self, products: Float64Array, _x: Float64Array, _y: Float64Array, /) -> None:
        """Replace products of the prepared vectors by the kernel."""
        products += 1
        products *= products * products


def kernel_distance(reference: SetVectors, evaluation: SetVectors, kernel: Kernel) -> KernelDistance:
    """Evaluate a kernel on all pairs of vectors of two sets, in blocks.

    Memory holds both sets in float64 twice and a few blocks of 8 MB, whatever the number of pairs.

    Args:
        reference: vectors `[N, D]` of the reference set with their files, N ≥ 2.
        evaluation: vectors `[M, D]` of the evaluation set with their files, M ≥ 2.
        kernel: the kernel.

    Returns:
        MMD² with the sums that it and its interval consist of.

    Raises:
        ArgumentError: a set has fewer than 2 vectors, a vector holds NaN or infinity, the dimensions
            differ, or the kernel is beyond what a float64 holds.

    >>> import numpy as np
    >>> from fad_core.metrics.base import SetVectors
    >>> from fad_core.metrics.kernels import GaussianKernel
    >>> rng = np.random.default_rng(0)
    >>> sets = []
    >>> for shift in (0, 1):
    ...     vectors = ((f"{i}.wav", rng.normal(shift, 1, (2, 4)).astype("f4")) for i in range(30))
    ...     sets.append(SetVectors.of(vectors))
    >>> distance = kernel_distance(*sets, GaussianKernel(1 / 8))
    >>> low, high = distance.effects().interval(0.95)
    >>> low < distance.corrected < high, round(distance.value, 3)
    (True, 0.231)
    """
    given = [
        checked_vectors(vectors.vectors, name)
        for name, vectors in (("reference", reference), ("evaluation", evaluation))
    ]
    for name, vectors in zip(("reference", "evaluation"), given, strict=True):
        if len(vectors) < 2:
            raise ArgumentError(f"{name}: {len(vectors)} vector; an unbiased MMD² needs at least 2")
    if given[0].shape[1] != given[1].shape[1]:
        raise ArgumentError(
            f"reference has {given[0].shape[1]} dimensions, evaluation has {given[1].shape[1]}"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # reported below
        x, y = kernel.prepare(*given)
        across = _sums_across(kernel, x, y)
        sides = ((reference, x, across[0]), (evaluation, y, across[1]))
        result = KernelDistance(*(_file_sums(kernel, vectors, each, sums) for vectors, each, sums in sides))
        if not math.isfinite(result.value):
            raise ArgumentError("MMD² is not a finite number: the vectors are too long for this kernel")
    return result


def sums_across(one: SetVectors, other: SetVectors, kernel: Kernel) -> tuple[Float64Array, Float64Array]:
    """Sum a kernel over the pairs of a vector of each file and all vectors of another set.

    Args:
        one: vectors `[N, D]` of F files.
        other: vectors `[M, D]` of G files.
        kernel: the kernel.

    Returns:
        Sums of the files that have vectors, of the one set `[F]` and of the other `[G]`.
    """
    x, y = kernel.prepare(
        checked_vectors(one.vectors, "one set"), checked_vectors(other.vectors, "the other")
    )
    sums = _sums_across(kernel, x, y)
    starts = (_starts(np.array([count for count in each.counts if count])) for each in (one, other))
    first, second = (np.add.reduceat(each, start) for each, start in zip(sums, starts, strict=True))
    return first, second


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum(counts) - counts


def _file_sums(kernel: Kernel, vectors: SetVectors, x: Float64Array, across: Float64Array) -> FileSums:
    # A file without vectors has no influence, and would be none to leave out.
    counts = np.array([count for count in vectors.counts if count], dtype=np.int64)
    starts = _starts(counts)
    own = np.zeros(len(counts))
    for index in np.flatnonzero(counts > 1):
        file = x[starts[index] : starts[index] + counts[index]]
        own[index] = _sums_within(kernel, file).sum()
    within = own if len(counts) == 1 else np.add.reduceat(_sums_within(kernel, x), starts)
    return FileSums(counts, own, within - own, np.add.reduceat(across, starts))


def _sums_within(kernel: Kernel, x: Float64Array) -> Float64Array:
    """Sum of the kernel of each vector and all others, `[N]`; each pair is evaluated once."""
    sums, halves = np.zeros(len(x)), np.einsum("ij,ij->i", x, x) / 2
    for rows in row_blocks(len(x)):
        for columns in row_blocks(len(x)):
            if columns.start < rows.start:
                continue
            block = x[rows] @ x[columns].T
            kernel.evaluate(block, halves[rows], halves[columns])
            if rows == columns:
                np.fill_diagonal(block, 0)
            else:
                sums[columns] += block.sum(axis=0)
            sums[rows] += block.sum(axis=1)
    return sums


def _sums_across(kernel: Kernel, x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Sums of the kernel of each vector of a set and all of the other set, `[N]` and `[M]`."""
    sums = np.zeros(len(x)), np.zeros(len(y))
    halves = [np.einsum("ij,ij->i", each, each) / 2 for each in (x, y)]
    for rows in row_blocks(len(x)):
        for columns in row_blocks(len(y)):
            block = x[rows] @ y[columns].T
            kernel.evaluate(block, halves[0][rows], halves[1][columns])
            sums[0][rows] += block.sum(axis=1)
            sums[1][columns] += block.sum(axis=0)
    return sums
