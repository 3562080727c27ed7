"""Files of an evaluation set that are nearer to a file of the reference than its files are to each other.

The distance of a file f from a file r is the mean, over the vectors of f, of the distance to the nearest
vector of r. It is small if f is a copy of r, also if f is only a part of it: each vector of the part has a
neighbour in r. The mean vectors of both would differ. The smallest distance of any two vectors is no measure
of copies, since two files that each hold a second of silence have the distance 0.

The threshold is the smallest distance of a file of the reference from another one, leaving out pairs whose
distance is 0, which are copies of each other. A file is listed if its distance from some file of the
reference is smaller.

If f and the n files of the reference are drawn alike, f is listed with a probability of at most 2 / (n + 1):
f must then be one of the two files of the closest pair among all n + 1, and each is as likely to be one of
them. To compare distances from the reference with those of other draws is the idea of Meehan, Chaudhuri and
Dasgupta, "A non-parametric test to detect data-copying in generative models", AISTATS 2020; here the other
draws are the files of the reference, and single files are found.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.base import SetVectors
from fad_core.metrics.pairwise import BLOCK, Float64Array, centred, checked_vectors, row_blocks
from fad_core.util.formatting import counted

__all__ = ["NearCopies", "NearCopy", "near_copies"]

_ELEMENTS = 1 << 22
"""Distances of vectors from files that are in memory at once, 34 MB."""

_EQUAL = 1e-13
"""Squared distance, relative to the squares of two vectors, up to which these are equal but for rounding."""


@dataclass(frozen=True)
class NearCopy:
    """A file that is nearer to a file of the reference than its files are to each other.

    Attributes:
        file: its name in the evaluation set.
        reference_file: name of the nearest file of the reference.
        distance: from that file; 0 if the vectors are equal.
        threshold: the smallest distance of a file of the reference from another one.
        median: the median of these distances: of each file of the reference from the nearest other one.
    """

    file: str
    reference_file: str
    distance: float
    threshold: float
    median: float


@dataclass(frozen=True)
class NearCopies:
    """The near copies of a set.

    Attributes:
        copies: the files, the nearest first.
        by_chance: the number of files that may be expected if both sets are drawn alike, at most; None if
            the reference has no two files that differ, so that none can be listed.
    """

    copies: tuple[NearCopy, ...]
    by_chance: float | None

    @property
    def note(self) -> str:
        """What a reader of a distance should know; empty if there are no near copies."""
        if self.by_chance is None:
            return "near copies are unknown: the reference has no two files that differ"
        if not self.copies:
            return ""
        number = len(self.copies)
        return (
            f"{counted(number, 'file')} {'is' if number == 1 else 'are'} nearer to a reference file than "
            f"reference files are to each other (by chance, {self.by_chance:.2g} at most)"
        )


def near_copies(reference: SetVectors, evaluation: SetVectors) -> NearCopies:
    """Return the files of a set that are nearer to a reference file than these are to each other.

    Args:
        reference: vectors of the reference `[N, D]`.
        evaluation: vectors of the evaluation set `[M, D]`.

    Returns:
        The files, the nearest first.

    Raises:
        ArgumentError: the dimensions differ, or vectors are not finite.

    >>> import numpy as np
    >>> from fad_core.metrics.base import SetVectors
    >>> reference = SetVectors.of([(f"{k}.wav", np.array([[4.0 * k], [4.0 * k + 1]])) for k in range(5)])
    >>> evaluation = SetVectors.of([("other.wav", np.array([[30.0]])), ("cut.wav", np.array([[9.25]]))])
    >>> found = near_copies(reference, evaluation)
    >>> [(copy.file, copy.reference_file, copy.distance, copy.threshold) for copy in found.copies]
    [('cut.wav', '2.wav', 0.25, 3.5)]
    """
    x, y = (_Files.of(each, name) for each, name in ((reference, "reference"), (evaluation, "evaluation")))
    if x.vectors.shape[1] != y.vectors.shape[1]:
        raise ArgumentError(
            f"reference has {x.vectors.shape[1]} dimensions, evaluation has {y.vectors.shape[1]}"
        )
    if reference not in _spacings:
        _spacings[reference] = _spacing(x)
    among = _spacings[reference]
    if not len(among):
        return NearCopies((), None)
    threshold, median = float(among.min()), float(np.median(among))
    found = []
    for start, distances in _between(y, x):
        for place, of_file in enumerate(distances, start):
            near = int(of_file.argmin())
            if of_file[near] < threshold:
                found.append(NearCopy(y.names[place], x.names[near], float(of_file[near]), threshold, median))
    found.sort(key=lambda copy: (copy.distance, copy.file))
    return NearCopies(tuple(found), 2 * len(y.names) / (len(x.names) + 1))


_spacings: weakref.WeakKeyDictionary[SetVectors, Float64Array] = weakref.WeakKeyDictionary()
"""Of a reference, for as long as it exists: systems are compared with the same one."""


@dataclass(frozen=True)
class _Files:
    """Files with vectors: names, where the vectors of each start, and all of them `[N, D]`."""

    names: tuple[str, ...]
    starts: NDArray[np.int64]
    vectors: Float64Array

    @classmethod
    def of(cls, given: SetVectors, what: str) -> _Files:
        there = [(name, count) for name, count in zip(given.files, given.counts, strict=True) if count]
        counts = np.array([count for _, count in there], dtype=np.int64)
        names = tuple(name for name, _ in there)
        return cls(names, np.cumsum(counts) - counts, checked_vectors(given.vectors, what))

    def within(self, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of the files that have vectors among these, and where they start among them."""
        first = int(np.searchsorted(self.starts, rows.start, side="right")) - 1
        last = int(np.searchsorted(self.starts, rows.stop, side="left"))
        return np.arange(first, last), np.maximum(self.starts[first:last] - rows.start, 0)


def _spacing(x: _Files) -> Float64Array:
    """Return the distance of each file from the nearest other one that is no copy of it, if there is one."""
    least = []
    for start, distances in _between(x, x):
        for place, of_file in enumerate(distances, start):
            of_file[place] = 0
            others = of_file[of_file > 0]
            least += [others.min()] if len(others) else []
    return np.array(least)


def _between(y: _Files, x: _Files) -> Iterator[tuple[int, Float64Array]]:
    """Yield the place of a file of y, and distances of some from it on from all of x `[files, len(x)]`."""
    a, b = centred(x.vectors, y.vectors)
    a_squares, b_squares = (np.einsum("ij,ij->i", each, each) for each in (a, b))
    size = max(1, min(BLOCK, _ELEMENTS // max(1, len(x.names))))
    ends = np.append(y.starts[1:], len(b))
    first = 0
    while first < len(y.names):
        # As many files as have no more vectors than a block, or one that has more.
        last = max(first + 1, int(np.searchsorted(ends, y.starts[first] + size, side="right")))
        sums = np.zeros((last - first, len(x.names)))
        for part in row_blocks(int(ends[last - 1] - y.starts[first]), size):
            rows = slice(*(int(y.starts[first]) + edge for edge in (part.start, part.stop)))
            nearest = np.full((rows.stop - rows.start, len(x.names)), np.inf)
            for columns in row_blocks(len(a)):
                squares = np.add.outer(b_squares[rows], a_squares[columns])
                block = squares - 2 * (b[rows] @ a[columns].T)
                block[block <= _EQUAL * squares] = 0
                places, starts = x.within(columns)
                own = slice(places[0], places[-1] + 1)
                nearest[:, own] = np.minimum(nearest[:, own], np.minimum.reduceat(block, starts, axis=1))
            places, starts = y.within(rows)
            sums[places - first] += np.add.reduceat(np.sqrt(nearest), starts, axis=0)
        yield first, sums / (ends[first:last] - y.starts[first:last])[:, np.newaxis]
        first = last
