"""Divide files into groups, for networks that run several files at once (`backends.MultiFileNetwork`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from fad_core.models.base import Arrays

Group = list[tuple[int, Arrays]]
"""The features of files that are embedded at once, each with the file's index."""
Result = TypeVar("Result")

LARGEST = 12
"""Largest number of files in a group. In the time in which a core reads the weights of an LSTM, it computes
the products of six files; the last convolutions of PANN, with half a gigabyte of weights and few outputs per
file, are faster with more."""
LEAST = 3
"""Smallest number of files in a group, if there are enough: with fewer, an LSTM mostly reads its weights."""
_BYTES = 1 << 26
"""Largest size of the features of a group: three minutes of stereo at 48 kHz."""
_AT_MOST = 4
"""Largest number of groups of this size that are made at once."""


def groups(files: Iterable[Arrays], lanes: int, total: int = 0) -> Iterator[Group]:
    """Divide files into groups of about equal length, whose files end at about the same time.

    Successive files are divided into a group for each thread, longer files first, with fewer files if they
    are large. The first and the last groups are small, so that no thread waits for long.

    Args:
        files: features of each file.
        lanes: number of threads that embed groups, at least 1.
        total: number of files; 0: not known.
    """
    coming = enumerate(files)
    # At first, small groups, so that no thread waits for many files.
    each = LEAST
    while taken := _some(coming, lanes * each, min(lanes, _AT_MOST) * _BYTES):
        each, last = LARGEST, taken[-1][0]
        taken.sort(key=lambda file: -bytes_of(file[1]))
        while taken:
            left = max(total - last - 1, 0) + len(taken)
            size = max(-(-left // (2 * lanes)), LEAST) if total else LARGEST
            group = _some(iter(taken), min(size, LARGEST), _BYTES)
            del taken[: len(group)]
            yield group
            # No reference is held, so that its memory is free when the next group is made.
            del group


def full_groups(files: Iterable[Arrays], size: int) -> Iterator[Group]:
    """Divide successive files into groups of one size; the last group and those of long files are smaller."""
    coming = enumerate(files)
    while group := _some(coming, max(size, 1), _BYTES):
        yield group
        del group


def in_order(results: Iterable[Iterable[tuple[int, Result]]]) -> Iterator[Result]:
    """Yield the results of groups, each with its file's index, in the order of the files."""
    waiting: dict[int, Result] = {}
    following = 0
    for group in results:
        waiting.update(group)
        while following in waiting:
            yield waiting.pop(following)
            following += 1
    assert not waiting, "a file is in no group"


def _some(files: Iterator[tuple[int, Arrays]], most: int, limit: int) -> Group:
    """Return the next `most` files, or fewer if their size reaches the limit in bytes."""
    group: Group = []
    held = 0
    for place, features in islice(files, most):
        group.append((place, features))
        held += bytes_of(features)
        if held >= limit:
            break
    return group


def bytes_of(features: Arrays) -> int:
    """Return the size of a file's features in bytes."""
    return sum(array.nbytes for array in features)
