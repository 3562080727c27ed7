"""Mean and covariance of a set of embeddings whose number is unknown.

Other packages store their references in this form. The covariance is factorised once, by an eigenvalue
decomposition of the symmetric matrix; `fad_core.metrics.frechet` computes the distance from the factor.
Eigenvalues below the rounding of the largest one are treated as zero, since the covariance does not determine
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["MeanCovariance"]

Float64Array = NDArray[np.float64]

_ALLOWANCE = 10.0
"""Tolerance for zero eigenvalues and for asymmetry, in units of D · epsilon times the largest one.

For random sets with no more vectors than dimensions (20 000 of each of several D), eigenvalues that are
exactly zero were computed as up to 0.8 of these units."""


@dataclass(frozen=True, eq=False)
class MeanCovariance:
    """Mean and factorised covariance of D-dimensional embeddings. Immutable.

    Attributes:
        mean: mean of the embeddings, float64 `[D]`.
        factor: float64 `[D, D]`; `factor.T @ factor` is the covariance. Rows of zeros come last.

    Raises:
        ValueError: the shapes do not fit together, or a number is NaN or infinite.
    """

    mean: Float64Array
    factor: Float64Array

    def __post_init__(self) -> None:
        if self.factor.shape != (self.mean.size, self.mean.size):
            raise ValueError(f"mean {self.mean.shape} and factor {self.factor.shape} are not [D] and [D, D]")
        for array in (self.mean, self.factor):
            if not np.isfinite(array).all():
                raise ValueError("mean or factor holds NaN or infinity")
            array.setflags(write=False)

    @property
    def n(self) -> None:
        """The number of vectors, which is unknown: None."""

    @property
    def dimension(self) -> int:
        """D, the length of one vector."""
        return self.mean.size

    @property
    def rows(self) -> Float64Array:
        """All rows of `factor`; none of them is known to be zero."""
        return self.factor

    @cached_property
    def squares(self) -> float:
        """Sum of the squares of `rows`: the trace of the covariance."""
        return float(np.sum(self.rows * self.rows))

    def covariance(self) -> Float64Array:
        """Compute the covariance matrix.

        Returns:
            float64 `[D, D]`.

        >>> MeanCovariance.from_covariance([0.0], [[4.0]]).covariance()
        array([[4.]])
        """
        covariance: Float64Array = self.factor.T @ self.factor
        return covariance

    @classmethod
    def from_covariance(cls, mean: ArrayLike, covariance: ArrayLike) -> MeanCovariance:
        """Factorise a covariance.

        Args:
            mean: `[D]`, or one number.
            covariance: `[D, D]`, or one number: symmetric and positive semidefinite up to the rounding of its
                type.

        Returns:
            The mean and the factor of the covariance, float64.

        Raises:
            ValueError: the covariance is not symmetric and positive semidefinite, its shape does not match
                that of the mean, or a number is NaN or infinite.

        >>> MeanCovariance.from_covariance([0.0, 1.0], [[4.0, 0.0], [0.0, 1.0]]).dimension
        2
        """
        given = np.atleast_2d(np.asarray(covariance))
        centre = np.atleast_1d(np.asarray(mean))
        for name, array in (("mean", centre), ("covariance", given)):
            if array.dtype.kind not in "fiu":
                raise ValueError(f"the {name} holds {array.dtype}; expected real numbers")
            if not np.isfinite(array).all():
                raise ValueError(f"the {name} holds NaN or infinity")
        if centre.ndim != 1 or centre.size == 0 or given.shape != (centre.size, centre.size):
            raise ValueError(f"mean {centre.shape} and covariance {given.shape} are not [D] and [D, D]")
        epsilon = float(np.finfo(given.dtype if given.dtype.kind == "f" else np.float64).eps)
        return cls(np.array(centre, np.float64), _factor(given.astype(np.float64), epsilon))


def _factor(covariance: Float64Array, epsilon: float) -> Float64Array:
    """Return the rows `√λ vᵀ` of the eigenpairs, the largest eigenvalue first.

    Args:
        covariance: `[D, D]`.
        epsilon: machine epsilon of the type in which it was stored.

    Raises:
        ValueError: the covariance is not symmetric, or not positive semidefinite.
    """
    from fad_core.metrics.linear_algebra import linalg

    rounding = _ALLOWANCE * len(covariance) * epsilon
    asymmetry = float(np.max(np.abs(covariance - covariance.T)))
    if asymmetry > rounding * float(np.max(np.abs(covariance))):
        raise ValueError(f"the covariance is not symmetric: two of its entries differ by {asymmetry:.3g}")
    values, vectors = linalg.eigh((covariance + covariance.T) / 2)
    floor = rounding * float(np.max(np.abs(values)))
    if values[0] < -floor:
        raise ValueError(
            f"the covariance is not positive semidefinite: it has the eigenvalue {values[0]:.3g}"
        )
    # Values below the floor are rounding errors of zeros; their square roots would be much larger errors.
    roots = np.sqrt(np.where(values > floor, values, 0.0))
    return np.ascontiguousarray((roots * vectors).T[::-1])
