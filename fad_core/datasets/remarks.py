"""What a reader of a score should know of the sound of a file, and of a data set, that was used.

A remark never changes what is computed. It stands beside the file in the table of files, is counted for the
data set, and is noted beside every score of the set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from fad_core.display import counted

if TYPE_CHECKING:
    from fad_core.datasets.counts import SetCounts
    from fad_core.datasets.scan import FileRecord

LOUD = 4.0
"""The largest absolute sample value without a remark. Lossy coding overshoots ±1 by a little; integers kept
as floats exceed it by far."""

Kind = Literal["doubtful", "loud", "silent", "constant", "duplicate"]


class Remark(NamedTuple):
    """One remark about a file.

    Attributes:
        kind: under which it is counted.
        text: what is said of the file, in one line.
    """

    kind: Kind
    text: str


def remarks_on(record: FileRecord) -> tuple[Remark, ...]:
    """What is to be said of a file by itself, in the order of the kinds."""
    return tuple(_remarks(record))


def _remarks(record: FileRecord) -> Iterator[Remark]:
    if record.status == "doubtful":
        yield Remark("doubtful", record.reason)
    if record.peak > LOUD:
        yield Remark("loud", f"peaks at {record.peak:.4g}, where values within ±1 are expected")
    if record.signal == "silent":
        yield Remark("silent", "is silent throughout")
    if record.signal == "constant":
        yield Remark("constant", "holds one value throughout (DC)")


def set_notes(counts: SetCounts) -> list[str]:
    """What is to be said of a data set, whatever it is compared with."""
    notes = []
    if counts.doubtful:
        notes.append(
            f"{counted(counts.doubtful, 'file')} of doubtful length "
            f"({counts.doubt_seconds:.3g} s missing or ignored, as far as known)"
        )
    if counts.loud:
        notes.append(
            f"{counted(counts.loud, 'file')} with peaks above {LOUD:g}, up to {counts.peak:.4g}, where "
            "values within ±1 are expected"
        )
    if counts.silent:
        notes.append(f"{counted(counts.silent, 'file')} silent throughout")
    if counts.constant:
        notes.append(f"{counted(counts.constant, 'file')} of one value throughout (DC)")
    if counts.duplicates:
        notes.append(f"{counted(counts.duplicates, 'file')} with the same sound as another file of the set")
    return notes


def pair_notes(names: Sequence[str], reference: SetCounts, evaluation: SetCounts) -> list[str]:
    """What is to be said of two data sets together.

    Args:
        names: of the reference and of the evaluation set.
        reference: its counts.
        evaluation: its counts.
    """
    notes = []
    if names[0] != names[1] and (shared := len(set(reference.sounds) & set(evaluation.sounds))):
        notes.append(
            f"{counted(shared, 'sound')} in both sets: they are not independent, and their distance is too "
            "small"
        )
    rates = [(counts.lowest_rate, counts.highest_rate) for counts in (reference, evaluation)]
    if all(high for _, high in rates) and rates[0] != rates[1]:
        listed = ", ".join(f"{name} {_range(*each)}" for name, each in zip(names, rates, strict=True))
        notes.append(f"sample rates differ: {listed}, and a file holds nothing above half of its rate")
    return notes


def _range(low: int, high: int) -> str:
    return f"{low} Hz" if low == high else f"{low} to {high} Hz"
