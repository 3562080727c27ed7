"""Values of metrics that are kernel distances, and what comparing systems by them uses.

The influence of a vector x of a system on MMD² is twice the witness function (Gretton et al., JMLR 13, 2012),
here of the two systems together, without the pairs of one file as in the corrected estimate:

    φ(x) = 2 · (mean of k(x, z) over the vectors z of all other files of both systems
                − mean of k(x, y) over the vectors y of the reference)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fad_core.errors import ArgumentError
from fad_core.metrics.base import MetricValue, SetVectors
from fad_core.metrics.comparison import System, Units
from fad_core.metrics.effects import Effects
from fad_core.metrics.interval_options import FEWEST_FILES
from fad_core.metrics.kernels import Kernel, kernel_distance, sums_across
from fad_core.metrics.mmd import KernelDistance
from fad_core.metrics.pairing import pair_name
from fad_core.metrics.pairwise import Float64Array

__all__ = ["KernelSystem", "kernel_value"]


@dataclass(frozen=True, eq=False)
class KernelSystem:
    """A system and its MMD² from a reference.

    Attributes:
        evaluation: the system's vectors.
        kernel: the kernel.
        distance: MMD² as sums by files.
        factor: what all values are multiplied by.
    """

    evaluation: SetVectors
    kernel: Kernel
    distance: KernelDistance
    factor: float = 1

    @cached_property
    def effects(self) -> Effects | None:
        """The corrected estimate with the effects of all files; None if there are too few files."""
        return self.distance.effects(self.factor)

    def influences(self, other: System) -> tuple[Units, Units]:
        """Return the influences of all files on the distance of both systems together.

        Args:
            other: another system with the same reference.

        Raises:
            ArgumentError: the kernels differ.
        """
        assert isinstance(other, KernelSystem)
        if self.kernel != other.kernel:
            raise ArgumentError("the bandwidth is not the same for both systems")
        across = sums_across(self.evaluation, other.evaluation, self.kernel)
        size = self.distance.evaluation.size + other.distance.evaluation.size
        first, second = (each._units(sums, size) for each, sums in zip((self, other), across, strict=True))
        return first, second

    def _units(self, across: Float64Array, size: int) -> Units:
        sums = self.distance.evaluation
        near = (sums.others + across) / (size - sums.counts)
        far = sums.across / self.distance.reference.size
        named = zip(self.evaluation.files, self.evaluation.counts, strict=True)
        names = tuple(pair_name(file) for file, count in named if count)
        return Units(names, sums.counts, 2 * self.factor * (near - far))


def kernel_value(
    reference: SetVectors,
    evaluation: SetVectors,
    kernel: Kernel,
    level: float,
    factor: float = 1,
    note: str = "",
) -> MetricValue:
    """Return MMD² of two sets as the value of a metric.

    Args:
        reference: vectors `[N, D]` of the reference with their files.
        evaluation: vectors `[M, D]` of the evaluation set with their files.
        kernel: the kernel.
        level: level of the confidence interval, between 0 and 1.
        factor: what all values are multiplied by.
        note: what a reader should know beside the interval.

    Returns:
        The value; its bias and the corrected value where both sets have two files; the interval, or in the
        note the reason why there is none.

    Raises:
        ArgumentError: see `fad_core.metrics.kernels.kernel_distance`.
    """
    distance = kernel_distance(reference, evaluation, kernel)
    system = KernelSystem(evaluation, kernel, distance, factor)
    corrected = None if distance.corrected is None else factor * distance.corrected
    low, high = (None, None) if system.effects is None else system.effects.interval(level)
    if low is None:
        reason = f"no interval: it needs {FEWEST_FILES} files in each set"
        note = f"{note}; {reason}" if note else reason
    value = factor * distance.value
    bias = None if corrected is None else value - corrected
    return MetricValue(value, low, high, note, bias, corrected, system)
