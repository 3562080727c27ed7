"""The Fréchet distance between two sets of embeddings, each taken as a Gaussian.

    d² = |μ₁ − μ₂|² + Tr Σ₁ + Tr Σ₂ − 2 Tr √(Σ₁ Σ₂)

(Dowson & Landau, "The Fréchet distance between multivariate normal distributions", Journal of
Multivariate Analysis 12, 1982; for audio: Kilgour et al., arXiv 1812.08466, 2019.) With
Σ = RᵀR / (n − 1), the eigenvalues of Σ₁Σ₂ are the squares of the singular values of R₁R₂ᵀ, up to the
counts, so the last trace is their plain sum. There is no matrix square root, no complex number and no
multiple of the identity added; rank-deficient covariances need no special case. The rounding error is
a few D · 1e-16 of Tr Σ₁ + Tr Σ₂.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.linear_algebra import linalg
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics

__all__ = ["FrechetDistance", "frechet_distance"]

BIAS_NOTES = (
    "the number of vectors is unknown, and with it the upward bias of FAD",
    "no more vectors than dimensions, so the covariance is rank-deficient and FAD is biased upwards",
)
"""Notes on a set, which follow its role (reference or evaluation)."""

_Gaussian = Statistics | MeanCovariance


@dataclass(frozen=True)
class FrechetDistance:
    """A distance and its two terms, in squared units of the embedding.

    Attributes:
        value: the Fréchet distance, `mean_term + covariance_term`, ≥ 0.
        mean_term: |μ₁ − μ₂|².
        covariance_term: Tr Σ₁ + Tr Σ₂ − 2 Tr √(Σ₁ Σ₂), ≥ 0.
        note: what a reader should know about this value; empty if nothing.
    """

    value: float
    mean_term: float
    covariance_term: float
    note: str


def frechet_distance(
    reference: Statistics | MeanCovariance, evaluation: Statistics | MeanCovariance
) -> FrechetDistance:
    """Return the Fréchet distance between two sets; it is bit-identical if the sets are swapped.

    Args:
        reference: statistics of the reference set's vectors `[N, D]`, or their mean and covariance.
        evaluation: statistics of the evaluation set's vectors `[M, D]`, or their mean and covariance.

    Returns:
        The distance with its two terms, in squared units of the embedding.

    Raises:
        ArgumentError: a set has fewer than 2 vectors, the dimensions differ, or the distance is beyond what a
            float64 holds.

    >>> from fad_core.metrics.mean_covariance import MeanCovariance
    >>> unit = MeanCovariance.from_covariance([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    >>> moved = MeanCovariance.from_covariance([3.0, 0.0], [[4.0, 0.0], [0.0, 1.0]])
    >>> distance = frechet_distance(unit, moved)
    >>> distance.value, distance.mean_term, distance.covariance_term
    (10.0, 9.0, 1.0)
    """
    if reference.dimension != evaluation.dimension:
        raise ArgumentError(
            f"reference has {reference.dimension} dimensions, evaluation has {evaluation.dimension}"
        )
    for name, statistics in (("reference", reference), ("evaluation", evaluation)):
        if statistics.n is not None and statistics.n < 2:
            raise ArgumentError(f"{name}: {statistics.n} vector; the Fréchet distance needs at least 2")
    if _are_equal(reference, evaluation):  # not zero up to rounding, but zero
        return FrechetDistance(0.0, 0.0, 0.0, _note(reference, evaluation))
    with np.errstate(over="ignore", invalid="ignore"):  # reported below
        difference = reference.mean - evaluation.mean
        mean_term = float(np.sum(difference * difference))
        # Negative only by rounding: the sum of singular values of A Bᵀ is at most |A| |B|. NaN is kept.
        covariance_term = max(_unclipped_covariance_term(reference, evaluation), 0.0)
    value = mean_term + covariance_term
    if not math.isfinite(value):
        largest = max(float(np.abs(s.mean).max()) for s in (reference, evaluation))
        spread = max(float(np.abs(s.factor).max()) for s in (reference, evaluation))
        raise ArgumentError(
            f"the Fréchet distance is not a finite number: the squares of means up to {largest:.3g} and of "
            f"factors up to {spread:.3g} exceed the range of float64; no embedding is that large"
        )
    return FrechetDistance(value, mean_term, covariance_term, _note(reference, evaluation))


def _are_equal(reference: _Gaussian, evaluation: _Gaussian) -> bool:
    pairs = ((getattr(reference, name), getattr(evaluation, name)) for name in ("mean", "rows"))
    return reference.n == evaluation.n and all(np.array_equal(one, other) for one, other in pairs)


def _unclipped_covariance_term(reference: _Gaussian, evaluation: _Gaussian) -> float:
    first, second = _in_order(reference, evaluation)
    divisors = [1 if s.n is None else s.n - 1 for s in (first, second)]
    traces = [s.squares / divisor for s, divisor in zip((first, second), divisors, strict=True)]
    product = _product(first, second)
    if not np.isfinite(product).all():
        return math.nan
    singular_values = linalg.svdvals(product, overwrite_a=True, check_finite=False)
    overlap = float(np.sum(singular_values)) / math.prod(map(math.sqrt, divisors))
    return traces[0] + traces[1] - 2 * overlap


def _in_order(one: _Gaussian, other: _Gaussian) -> tuple[_Gaussian, _Gaussian]:
    """Return two sets in an order that does not depend on which is given first.

    A matrix and its transpose have the same singular values, but not to the last bit.
    """
    keys: list[tuple[int | bytes, ...]] = [(s.n or 0, s.mean.tobytes()) for s in (one, other)]
    if keys[0] == keys[1]:
        # Rarely needed, and slow for many dimensions.
        keys = [(s.factor.tobytes(),) for s in (one, other)]
    return (one, other) if keys[0] <= keys[1] else (other, one)


def _product(first: _Gaussian, second: _Gaussian) -> NDArray[np.float64]:
    """Return R₁R₂ᵀ, in column-major order for LAPACK."""
    if all(isinstance(s, Statistics) and s.n > s.dimension for s in (first, second)):
        # Both factors are triangular, so a general product would spend half of its time on zeros.
        result: NDArray[np.float64] = linalg.blas.dtrmm(
            1.0, first.factor.T, second.factor.T, lower=1, trans_a=1
        )
        return result
    return (second.rows @ first.rows.T).T


def _note(reference: _Gaussian, evaluation: _Gaussian) -> str:
    remarks = []
    for name, s in (("reference", reference), ("evaluation", evaluation)):
        if s.n is None:
            remarks.append(f"{name}: {BIAS_NOTES[0]}")
        elif s.n <= s.dimension:
            remarks.append(f"{name}: {BIAS_NOTES[1]}")
    return "; ".join(remarks)
