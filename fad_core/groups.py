"""Files in groups, for networks that gain from several files at once (`fad_core.networks.SideBySide`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fad_core.models.base import Arrays

Files = list[Arrays]
"""The features of files that are embedded at once."""

LARGEST = 12
"""Files at once. A core makes the products of an LSTM for six in the time that it reads its weights in; the
last convolutions of PANN, with half a gigabyte of weights and few outputs a file, gain by more."""
_BYTES = 1 << 26
"""Of features at once: three minutes of stereo at 48 kHz."""


def groups(files: Iterable[Arrays], lanes: int, total: int = 0) -> Iterator[Files]:
    """Successive files in groups, small ones at the beginning and at the end.

    At the beginning none of the lanes waits for many files to be read, and at the end none works long while
    the others have nothing to do.

    Args:
        files: of each file its features.
        lanes: threads that take one group after the other, at least 1.
        total: how many files there are; 0: not known.
    """
    begun = held = 0
    group: Files = []
    for taken, features in enumerate(files, 1):
        group.append(features)
        held += sum(array.nbytes for array in features)
        rising = 2 ** (begun // lanes)
        falling = -(-(total - taken) // (2 * lanes)) if total else LARGEST
        if len(group) >= min(LARGEST, rising, max(falling, 1)) or held >= _BYTES:
            yield group
            group, held, begun = [], 0, begun + 1
    if group:
        yield group


def full_groups(files: Iterable[Arrays], size: int) -> Iterator[Files]:
    """Successive files in groups of one size, but for the last one and for those of long files."""
    held = 0
    group: Files = []
    for features in files:
        group.append(features)
        held += sum(array.nbytes for array in features)
        if len(group) >= size or held >= _BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group
