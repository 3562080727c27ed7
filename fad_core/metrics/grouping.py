"""Statistics of groups of files, from which the bias and the spread of a distance can be estimated.

Vectors of one file are alike, so a distance varies as if the set held fewer vectors than it does. Another
sample of the same population has other files: estimates of bias and spread therefore delete groups of whole
files. A set keeps the statistics of `GROUPS` groups, so that these estimates need no vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from fad_core.metrics.file_group import FileGroup
from fad_core.metrics.pairing import pair_name
from fad_core.metrics.statistics import Statistics, statistics_of

GROUPS = 20
"""Number of groups of a set of at least as many files; of fewer files, each is a group."""

GROUP_BYTES = 100_000_000
"""Of the factors of all groups at most: those of 20 groups of any number of vectors of 768 dimensions, or of
6000 vectors of 2048 dimensions. A set that exceeds it keeps no groups."""

_PENDING = 512
"""Vectors of a group that are added to its statistics at a time, or D if that is more."""


def assign_groups(files: Collection[str], count: int = GROUPS) -> dict[str, int]:
    """Assign files to groups of as equal numbers of files as possible, at random but always alike.

    Files are dealt to the groups in the order of a hash of their places in the order of names. So files that
    are similar because they are neighbours by name are spread at random, the same files under other names
    that keep their order give the same groups, and two sets with files of the same names have them in the
    same groups.

    Args:
        files: names of the files.
        count: number of groups; of fewer files, each is a group.

    Returns:
        The number of its group, from 0, for each file.

    >>> sorted(assign_groups(["a.wav", "b.wav", "c.wav"]).values())
    [0, 1, 2]
    """
    order = sorted(enumerate(sorted(files)), key=lambda item: hashlib.sha256(str(item[0]).encode()).digest())
    return {name: turn % count for turn, (_, name) in enumerate(order)}


def grouped_statistics(by_file: Iterable[tuple[str, NDArray[Any]]], files: Collection[str]) -> Statistics:
    """Compute the statistics of a set, and those of groups of its files.

    Args:
        by_file: names of files and their vectors `[n, D]`, in the order of which the statistics are computed.
        files: names of all of the files.

    Returns:
        Count, mean and scatter factor of all vectors, with `groups`; without them, if they would take more
        than `GROUP_BYTES`.

    Raises:
        ValueError: vectors are not two-dimensional and real, hold NaN or infinity, or are of another D than
            the first ones; or there are none.

    >>> vectors = [("a.wav", np.array([[0.0], [2.0]])), ("b.wav", np.array([[4.0]]))]
    >>> statistics = grouped_statistics(vectors, ["a.wav", "b.wav"])
    >>> statistics.n, sorted(group.n for group in statistics.groups)
    (3, [1, 2])
    """
    gathered = _Gathered(assign_groups(files))
    total = statistics_of(gathered.passing(by_file))
    return replace(total, groups=gathered.groups())


class _Gathered:
    """The groups of the files that have passed."""

    def __init__(self, assigned: dict[str, int]) -> None:
        self._assigned = assigned
        self._pending: dict[int, list[NDArray[Any]]] = {}
        self._done: dict[int, Statistics] = {}
        self._count: dict[int, int] = {}
        self._fits = True

    def passing(self, by_file: Iterable[tuple[str, NDArray[Any]]]) -> Iterator[NDArray[Any]]:
        """Yield the vectors of each file, after they were added to its group."""
        for name, vectors in by_file:
            if self._fits and len(vectors) and vectors.ndim == 2:
                self._add(self._assigned[name], vectors)
            yield vectors

    def groups(self) -> tuple[FileGroup, ...]:
        """Return the statistics of the groups with vectors, in order."""
        if not self._fits:
            return ()
        for number in list(self._pending):
            self._reduce(number)
        names = self._names()
        return tuple(
            FileGroup(each.n, each.mean, each.rows.copy(), names[number])
            for number, each in sorted(self._done.items())
        )

    def _names(self) -> dict[int, int]:
        """Return the hash of the names of the files of each group that pair them with others."""
        by_group: dict[int, list[str]] = {}
        for file, number in self._assigned.items():
            by_group.setdefault(number, []).append(pair_name(file))
        return {
            number: int.from_bytes(hashlib.sha256("\n".join(sorted(names)).encode()).digest()[:8]) >> 1
            for number, names in by_group.items()
        }

    def _add(self, number: int, vectors: NDArray[Any]) -> None:
        dimension = vectors.shape[1]
        pending = self._pending.setdefault(number, [])
        pending.append(vectors)
        self._count[number] = self._count.get(number, 0) + len(vectors)
        rows = sum(min(count - 1, dimension) for count in self._count.values())
        if rows * dimension * 8 > GROUP_BYTES:
            self._fits = False
            self._pending, self._done = {}, {}
        elif sum(map(len, pending)) >= max(_PENDING, dimension):
            self._reduce(number)

    def _reduce(self, number: int) -> None:
        found = statistics_of(self._pending.pop(number))
        self._done[number] = self._done[number].merge(found) if number in self._done else found
