"""What a reader of a score should know of the sound of a file, and of a data set, that was used.

A remark never changes what is computed. It stands beside the file in the table of files, is counted for the
data set, and is noted beside every score of the set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from fad_core.util.formatting import counted

if TYPE_CHECKING:
    from fad_core.datasets.counts import SetCounts
    from fad_core.datasets.scan import FileRecord

LOUD = 4.0
"""The largest absolute sample value without a remark. Lossy coding overshoots ±1 by a little; integers kept
as floats exceed it by far."""

UNLIKE = 0.1
"""By how much the shares of files that reach a sample rate may differ between two sets without a remark."""

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
        lost = f"{counts.doubt_seconds:.3g} s" if counts.doubt_seconds else "an unknown part"
        notes.append(f"{counted(counts.doubtful, 'file')} of doubtful length ({lost} missing or ignored)")
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


def pair_notes(reference: SetCounts, evaluation: SetCounts) -> list[str]:
    """What is to be said of two data sets together.

    It is the same whichever set is the reference, and names neither: a table of many pairs has few notes.
    """
    notes = []
    if shared := len(set(reference.sounds) & set(evaluation.sounds)):
        notes.append(f"{counted(shared, 'sound')} in both sets: they are not independent samples")
    rates = sorted({rate for counts in (reference, evaluation) for rate, _ in counts.rates}, reverse=True)
    for rate in rates if reference.rates and evaluation.rates else ():
        fewer, more = sorted(_share_from(counts, rate) for counts in (reference, evaluation))
        if more - fewer > UNLIKE:
            notes.append(
                f"sample rates differ: {fewer:.0%} of one set's files and {more:.0%} of the other's have "
                f"{rate} Hz or more, and a file holds nothing above half of its rate"
            )
            break
    return notes


def _share_from(counts: SetCounts, rate: int) -> float:
    """The share of a set's files with at least this sample rate."""
    return sum(files for each, files in counts.rates if each >= rate) / sum(
        files for _, files in counts.rates
    )
