"""Estimates of a distance, with the effects of the files of both sets, from which intervals follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.metrics.interval_options import student_quantile

__all__ = ["Effects"]

Float64Array = NDArray[np.float64]

LARGEST_SHARE = 0.15
"""Of the correction for bias that an estimate of what is left of it may be, unless the spread hides it."""


@dataclass(frozen=True, eq=False)
class Effects:
    """An estimate of a distance, or of a difference of distances, and what each file has to do with it.

    The effect of a unit (a file, or a group of files) is, to first order, how much the estimate would change
    with another one in its place: the sum of the squares of all effects is the estimate's variance.

    Attributes:
        estimate: the estimate without its bias.
        shared: effects of the units of the reference, or of units of both sets together, `[U]`.
        own: effects of the units of each evaluation set, `[V]`; empty if `shared` holds them.
        correction: how much was subtracted as bias.
        rest: estimate of the bias that is left, with its sign.
    """

    estimate: float
    shared: Float64Array
    own: tuple[Float64Array, ...] = ()
    correction: float = 0.0
    rest: float = 0.0

    @property
    def error(self) -> float:
        """Standard error of the estimate."""
        return math.sqrt(sum(float(each @ each) for each in (self.shared, *self.own)))

    @property
    def unbiased(self) -> bool:
        """Whether the bias that is left is small beside the correction, or beside the standard error."""
        return abs(self.rest) <= max(LARGEST_SHARE * abs(self.correction), self.error / 2)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the confidence interval.

        Args:
            level: probability of covering the populations' value, between 0 and 1.

        Returns:
            The estimate ± t · √(error² + rest²), with the quantile of Student's t for the degrees of freedom
            of Welch and Satterthwaite.

        >>> effects = Effects(2.0, np.array([0.1, -0.2, 0.1]), (np.array([0.3, -0.3]),))
        >>> [round(end, 3) for end in effects.interval(0.95)]
        [-0.536, 4.536]
        """
        parts = [(float(each @ each), len(each) - 1) for each in (self.shared, *self.own) if len(each) > 1]
        variance = sum(part for part, _ in parts)
        reach = abs(self.rest)
        if variance > 0:
            freedom = 1 / sum((part / variance) ** 2 / count for part, count in parts)
            reach = student_quantile(freedom, level) * math.hypot(math.sqrt(variance), self.rest)
        return self.estimate - reach, self.estimate + reach

    def minus(self, other: Effects, paired: bool) -> Effects:
        """Return the difference of two estimates against the same reference.

        Args:
            other: the estimate to subtract.
            paired: whether the units of the two evaluation sets belong together in pairs.

        Raises:
            ValueError: the numbers of units that belong together differ.
        """
        own = self.own + other.own
        if len(self.shared) != len(other.shared) or (paired and len({len(each) for each in own}) > 1):
            raise ValueError("the systems have different numbers of groups of files")
        if paired and own:
            own = (self.own[0] - other.own[0],)
        return Effects(
            self.estimate - other.estimate,
            self.shared - other.shared,
            own,
            self.correction - other.correction,
            self.rest - other.rest,
        )
