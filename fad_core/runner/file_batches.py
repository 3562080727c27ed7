"""Files in groups, for networks that gain from several files at once (`backends.SideBySide`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from fad_core.models.base import Arrays

Group = list[tuple[int, Arrays]]
"""The features of files that are embedded at once, each with the file's place among all."""
Result = TypeVar("Result")

LARGEST = 12
"""Files at once. A core makes the products of an LSTM for six in the time that it reads its weights in; the
last convolutions of PANN, with half a gigabyte of weights and few outputs a file, gain by more."""
LEAST = 3
"""Files at once, where there are as many: with fewer, most of an LSTM's time is reading its weights."""
_BYTES = 1 << 26
"""Of features at once: three minutes of stereo at 48 kHz."""
_AT_MOST = 4
"""Groups of so many bytes are made at once, at most."""


def groups(files: Iterable[Arrays], lanes: int, total: int = 0) -> Iterator[Group]:
    """Files in groups of about one length, so that few are left alone at the end of their group.

    A group for each lane is taken from successive files, longer files first; of large ones, fewer. The first
    groups of all are small, and the last ones: no lane has nothing to do for long.

    Args:
        files: of each file its features.
        lanes: threads that take one group after the other, at least 1.
        total: how many files there are; 0: not known.
    """
    coming = enumerate(files)
    # At the beginning no lane waits for many files.
    each = LEAST
    while taken := _some(coming, lanes * each, min(lanes, _AT_MOST) * _BYTES):
        each, last = LARGEST, taken[-1][0]
        taken.sort(key=lambda file: -_bytes(file[1]))
        while taken:
            left = max(total - last - 1, 0) + len(taken)
            size = max(-(-left // (2 * lanes)), LEAST) if total else LARGEST
            group = _some(iter(taken), min(size, LARGEST), _BYTES)
            del taken[: len(group)]
            yield group
            # Whoever embeds it may let go of it before the next one is made.
            del group


def full_groups(files: Iterable[Arrays], size: int) -> Iterator[Group]:
    """Successive files in groups of one size, but for the last one and for those of long files."""
    coming = enumerate(files)
    while group := _some(coming, max(size, 1), _BYTES):
        yield group
        del group


def in_order(results: Iterable[Iterable[tuple[int, Result]]]) -> Iterator[Result]:
    """The results of groups, each with its file's place, in the order of the files."""
    waiting: dict[int, Result] = {}
    following = 0
    for group in results:
        waiting.update(group)
        while following in waiting:
            yield waiting.pop(following)
            following += 1
    assert not waiting, "a file is in no group"


def _some(files: Iterator[tuple[int, Arrays]], most: int, limit: int) -> Group:
    """The next files: so many, or fewer if they hold as many bytes as the limit."""
    group: Group = []
    held = 0
    for place, features in islice(files, most):
        group.append((place, features))
        held += _bytes(features)
        if held >= limit:
            break
    return group


def _bytes(features: Arrays) -> int:
    return sum(array.nbytes for array in features)
