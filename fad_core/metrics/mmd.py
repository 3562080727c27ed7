"""Squared maximum mean discrepancy (MMD²) of two sets of vectors, with an interval from their files.

    MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y)

for independent x, x′ of the one and y, y′ of the other population (Gretton et al., "A kernel two-sample
test", JMLR 13, 2012). The value is the unbiased estimate over vectors, the mean of k over all pairs of
different vectors of a set, and over all pairs of one vector of each set:

    value = Σ_{i≠j} k(xᵢ, xⱼ) / (n (n − 1)) + Σ_{i≠j} k(yᵢ, yⱼ) / (m (m − 1)) − 2 Σᵢⱼ k(xᵢ, yⱼ) / (n m)

**Files.** Vectors of one file resemble each other, so that k is larger on average over pairs of one file, and
the value is too large by their share of the pairs. The `corrected` estimate leaves out the pairs of one
file. With S(f, g) the sum of k over the pairs of a vector of file f and one of file g, and c(f) the number of
vectors of f,

    U_xx = Σ_{f≠g} S(f, g) / Σ_{f≠g} c(f) c(g)        corrected = U_xx + U_yy − 2 U_xy

which has no bias if files are drawn independently and all have as many vectors (else one of the order of one
over the number of files, that of a ratio). If every file has one vector, it is the value.

**Interval.** Let T be the corrected estimate and T₍f₎ the one without file f. Of F files of a set,

    v = (F − 1)/F · Σ_f (T₍f₎ − mean T₍·₎)²

is the jackknife's estimate of the part of the variance of T that is due to this set. To first order in 1/F,
(F − 1)(mean T₍·₎ − T₍f₎) is the file's influence, its Hájek projection: twice the mean over its vectors x of
the witness function E k(x, X) − E k(x, Y), less the mean of that over all vectors. The projection
alone vanishes where the two populations are equal, as does its variance; the jackknife does not leave out the
terms of second order, whose variance it overestimates on average (Efron & Stein, "The jackknife estimate of
variance", Annals of Statistics 9, 1981). The sets are independent, so that their variances add, and

    T ± t · √(v_x + v_y)

with the quantile of Student's t for the degrees of freedom of Welch and Satterthwaite. The kernel is held
fixed, also if its bandwidth was chosen from the data. The interval is that of the populations' MMD², which is
not negative, but its lower end may be. If the files of both sets are made from the same recordings, the
interval is too wide rather than too narrow.

Rounding: kernels are evaluated and added up in float64, and the value is wrong by less than about 1e-14 of
the mean of k. All T₍f₎ follow from the sums of each file, so that there is one pass over the pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.effects import Effects
from fad_core.metrics.interval_options import FEWEST_FILES

__all__ = ["FileSums", "KernelDistance"]

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FileSums:
    """Sums of the kernel over the pairs of each file of a set, float64 `[F]`.

    Attributes:
        counts: number of vectors of each file, F numbers.
        own: sums over pairs of two different vectors of the file.
        others: sums over pairs of a vector of the file and one of another file of the set.
        across: sums over pairs of a vector of the file and one of the other set.
    """

    counts: NDArray[np.int64]
    own: Float64Array
    others: Float64Array
    across: Float64Array

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self.counts.sum())


@dataclass(frozen=True, eq=False)
class KernelDistance:
    """MMD² of two sets, as sums of a kernel by files. The module's docstring has the formulas.

    Attributes:
        reference: sums of the reference set.
        evaluation: sums of the evaluation set.
    """

    reference: FileSums
    evaluation: FileSums

    @property
    def value(self) -> float:
        """The unbiased estimate over vectors."""
        sets = (self.reference, self.evaluation)
        within = sum(float(s.own.sum() + s.others.sum()) / (s.size * (s.size - 1)) for s in sets)
        return within - 2 * self._across

    @property
    def corrected(self) -> float | None:
        """The estimate over vectors of different files; None if a set has one file."""
        if min(len(s.counts) for s in (self.reference, self.evaluation)) < 2:
            return None
        return _different_files(self.reference) + _different_files(self.evaluation) - 2 * self._across

    @property
    def _across(self) -> float:
        return float(self.reference.across.sum()) / (self.reference.size * self.evaluation.size)

    def without_each_file(self) -> tuple[Float64Array, Float64Array]:
        """Return the corrected estimates without one file.

        Returns:
            Those without each file of the reference `[F]`, and without each of the evaluation set `[G]`.

        Raises:
            ArgumentError: a set has fewer than 3 files.
        """
        results = []
        for own, other in ((self.reference, self.evaluation), (self.evaluation, self.reference)):
            if len(own.counts) < 3 or len(other.counts) < 2:
                raise ArgumentError("estimates without a file need 3 files in each set")
            left = own.size - own.counts
            pairs = own.size**2 - float((own.counts**2).sum()) - 2.0 * own.counts * left
            within = (own.others.sum() - 2 * own.others) / pairs
            across = (own.across.sum() - own.across) / (left * float(other.size))
            results.append(within + _different_files(other) - 2 * across)
        return results[0], results[1]

    def effects(self, factor: float = 1) -> Effects | None:
        """Return `corrected` with the effects of all files, from which an interval follows.

        Args:
            factor: what all values are multiplied by.

        Returns:
            The estimate; None if a set has fewer than `FEWEST_FILES` files.
        """
        centre = self.corrected
        if centre is None or min(len(s.counts) for s in (self.reference, self.evaluation)) < FEWEST_FILES:
            return None
        scaled = [
            factor * math.sqrt((len(each) - 1) / len(each)) * (each.mean() - each)
            for each in self.without_each_file()
        ]
        return Effects(factor * centre, scaled[0], (scaled[1],))


def _different_files(sums: FileSums) -> float:
    """Return the mean of the kernel over all pairs of vectors of different files."""
    return float(sums.others.sum()) / float(sums.size**2 - (sums.counts**2).sum())
