"""Metrics that are the mean of a value of each file: intervals, and what comparing systems uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fad_core.metrics.base import MetricValue
from fad_core.metrics.comparison import System, Units
from fad_core.metrics.effects import Effects, Float64Array
from fad_core.metrics.interval_options import FEWEST_FILES
from fad_core.metrics.pairing import pair_name

__all__ = ["TOO_FEW_FILES", "MeanSystem", "mean_value"]

TOO_FEW_FILES = f"no interval: it needs {FEWEST_FILES} files"


@dataclass(frozen=True, eq=False)
class MeanSystem:
    """A system and the value of each of its files, whose mean is the metric.

    Attributes:
        files: names of the files.
        values: of each file, `[F]`.
    """

    files: Sequence[str]
    values: Float64Array

    @property
    def effects(self) -> Effects | None:
        """The mean with the effects of the files; None if there are too few."""
        count = len(self.values)
        if count < FEWEST_FILES:
            return None
        mean = float(self.values.mean())
        return Effects(mean, np.empty(0), ((self.values - mean) / math.sqrt(count * (count - 1)),))

    def influences(self, other: System) -> tuple[Units, Units]:
        """Return the values of both systems' files.

        Args:
            other: another system with the same reference.
        """
        assert isinstance(other, MeanSystem)
        return self._units(), other._units()

    def _units(self) -> Units:
        names = tuple(map(pair_name, self.files))
        return Units(names, np.ones(len(names), dtype=np.int64), self.values)


def mean_value(files: Sequence[str], values: Float64Array, level: float, note: str = "") -> MetricValue:
    """Return the mean of the values of files as the value of a metric.

    Args:
        files: names of the files.
        values: of each file, float64 `[F]`, at least one.
        level: level of the confidence interval, between 0 and 1.
        note: what a reader should know of the value.

    Returns:
        The mean, with the interval of Student's t for the mean of all files of the same kind, or in the note
        the reason why there is none.

    >>> import numpy as np
    >>> found = mean_value(["a", "b", "c", "d", "e"], np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 0.95)
    >>> found.value, round(found.ci_low, 2), round(found.ci_high, 2)
    (3.0, 1.04, 4.96)
    """
    system = MeanSystem(tuple(files), values)
    low, high = (None, None) if system.effects is None else system.effects.interval(level)
    notes = [note, TOO_FEW_FILES if low is None else ""]
    by_file = tuple(zip(files, values.tolist(), strict=True))
    text = "; ".join(filter(None, notes))
    return MetricValue(float(values.mean()), low, high, text, system=system, by_file=by_file)
