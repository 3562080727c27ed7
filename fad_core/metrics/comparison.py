"""Compare two systems by their distances from the same reference: the difference, its interval, and a test.

**Interval.** An estimate of a distance has an effect for each file (or group of files) of both sets: to first
order, how much the estimate would change with other files, so that the sum of their squares is its variance.
The effects of the reference's files on the two distances are subtracted, since both share the reference; so
are those of the systems' files where their names pair them, such as sounds from the same prompt; otherwise
the systems are independent, and all effects are added up.

**Test.** The null hypothesis is that the systems are exchangeable: swapping their labels on files (within
pairs of files, where names pair them) changes nothing about the joint distribution of the data. The statistic
is the difference of the means of the files' influences on the distance of both systems together from the
reference. Its distribution under swaps is exact whatever the dimension and the number of vectors, since the
set of both systems does not depend on the labels. To first order, and for kernels of equal numbers of vectors
exactly, the statistic is the difference of the distances. Two systems that are equally far from the reference
for different reasons are not exchangeable, and a small p is then possible though the distances are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fad_core.metrics.effects import Effects
from fad_core.metrics.interval_options import FEWEST_FILES

__all__ = ["PERMUTATIONS", "Difference", "System", "Units", "compare_systems", "holm"]

Float64Array = NDArray[np.float64]

PERMUTATIONS = 9999
"""Swaps of labels that are drawn by default."""

_BATCH = 4_000_000
"""Labels that are swapped at once, 32 MB."""


@dataclass(frozen=True, eq=False)
class Units:
    """Influences of the units of a system: its files, or groups of them.

    Attributes:
        names: what pairs a unit with one of the other system: of a file `pair_name`, of a group its `files`.
        counts: number of vectors of each, `[U]`.
        sums: sum of the influences of its vectors, `[U]`.
    """

    names: tuple[str | int, ...]
    counts: NDArray[np.int64]
    sums: Float64Array


class System(Protocol):
    """What a metric knows of a system and its distance from the reference."""

    @property
    def effects(self) -> Effects | None:
        """The estimate without bias with its effects; None if it is not known."""

    def influences(self, other: System) -> tuple[Units, Units]:
        """Return the influences of this system's and of another one's units on the distance of both together.

        Args:
            other: another system, compared with the same reference by the same metric.

        Raises:
            ValueError: there are none, for the reason that the message says.
        """


@dataclass(frozen=True)
class Difference:
    """How much farther one system is from the reference than another.

    Attributes:
        difference: the difference of the estimates without bias; None if they are not known.
        ci_low: lower end of its confidence interval; None if there is none.
        ci_high: upper end of the interval; None if there is none.
        p: of the two-sided test that the systems are exchangeable; None if it was not made.
        paired: whether names pair the files, so that labels are swapped within pairs.
        note: why there is no interval or no test; empty if there are both.
    """

    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    paired: bool
    note: str = ""


def compare_systems(
    first: System, second: System, level: float = 0.95, seed: int = 0, permutations: int = PERMUTATIONS
) -> Difference:
    """Compare two systems that were compared with the same reference.

    Args:
        first: the one system.
        second: the other one.
        level: level of the confidence interval, between 0 and 1.
        seed: of the swaps that are drawn, if not all are made.
        permutations: number of swaps that are drawn; where there are no more different ones, each is made
            once.

    Returns:
        The difference, positive if the first system is farther, with its interval and the test's p.

    >>> from fad_core.metrics.frechet_system import FrechetSystem
    >>> from fad_core.metrics.grouping import grouped_statistics
    >>> random = np.random.default_rng(0)
    >>> names = [f"{number}.wav" for number in range(40)]
    >>> reference, near, far = (
    ...     grouped_statistics(((name, random.normal(mean, 1, (10, 2))) for name in names), names)
    ...     for mean in (0, 1, 3)
    ... )
    >>> found = compare_systems(FrechetSystem.of(reference, far), FrechetSystem.of(reference, near))
    >>> bool(found.ci_low < 18 - 2 < found.ci_high), found.p < 0.001, found.paired
    (True, True, True)
    """
    p, paired, notes = None, False, []
    try:
        units = first.influences(second)
        paired = units[0].names == units[1].names
        p = _permutation_p(units, paired, permutations, seed)
    except ValueError as error:
        notes.append(f"no test: {error}")
    effects = first.effects, second.effects
    if effects[0] is None or effects[1] is None:
        return Difference(None, None, None, p, paired, "; ".join(notes))
    estimate = effects[0].estimate - effects[1].estimate
    try:
        difference = effects[0].minus(effects[1], paired)
        if not difference.unbiased:
            raise ValueError("too few vectors for their dimensions to estimate the bias of the difference")
        low, high = difference.interval(level)
    except ValueError as error:
        notes.append(f"no interval: {error}")
        return Difference(estimate, None, None, p, paired, "; ".join(notes))
    return Difference(estimate, low, high, p, paired, "; ".join(notes))


def _permutation_p(units: tuple[Units, Units], paired: bool, permutations: int, seed: int) -> float:
    from scipy.stats import permutation_test

    if min(len(each.names) for each in units) < FEWEST_FILES:
        raise ValueError(f"a system has fewer than {FEWEST_FILES} files")
    counts = np.concatenate([each.counts for each in units]).astype(np.float64)
    sums = np.concatenate([each.sums for each in units])

    def statistic(one: NDArray[np.int64], other: NDArray[np.int64], axis: int = -1) -> Float64Array:
        means = (sums[each].sum(axis=axis) / counts[each].sum(axis=axis) for each in (one, other))
        return np.asarray(next(means) - next(means))

    middle = len(units[0].names)
    found = permutation_test(
        (np.arange(middle), np.arange(middle, len(counts))),
        statistic,
        permutation_type="samples" if paired else "independent",
        vectorized=True,
        n_resamples=permutations,
        batch=max(1, _BATCH // len(counts)),
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p: of the tests of one family, between 0 and 1.

    Returns:
        The adjusted ones, in the same order: all that are below α are rejected, with a probability of at most
        α of any false rejection.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    adjusted, reached = [0.0] * len(p), 0.0
    for place, index in enumerate(order):
        reached = max(reached, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = reached
    return adjusted
