"""Remarks on the sound of files that are used, and notes on the data sets that hold them.

A remark changes nothing that is computed. It stands beside the file in the table of files, is counted for the
data set, and is noted beside every score of the set.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, NamedTuple

from fad_core.util.formatting import counted

if TYPE_CHECKING:
    from fad_core.datasets.counts import SetCounts
    from fad_core.datasets.scan import FileRecord

LOUD = 4.0
"""The largest absolute sample value without a remark. Lossy coding overshoots ±1 by a little; integers kept
as floats exceed it by far."""

FULL_SCALE = 1.0
"""The same after the gain to a loudness: stored as integers, such a sound would be clipped."""

UNLIKE = 0.1
"""By how much the shares of files that reach a sample rate may differ between two sets without a remark."""

FEW_FILES = 50
"""Of a set that has this many or more, the number of files is not remarked on."""

UNEVEN = 10
"""By which factor the numbers of files or vectors of two sets differ at least to be remarked on."""

Kind = Literal["doubtful", "loud", "silent", "constant", "duplicate"]


class Remark(NamedTuple):
    """One remark about a file.

    Attributes:
        kind: the kind that it is counted under.
        text: the remark in one line.
    """

    kind: Kind
    text: str


def remarks_on(record: FileRecord, gain: float | None = None) -> tuple[Remark, ...]:
    """Return the remarks on a single file, in the order of the kinds.

    Args:
        record: the file.
        gain: what its samples are multiplied by, if a loudness is chosen.
    """
    limit, after = _expected_peak(gain is not None)
    peak = record.peak if gain is None else record.peak * gain
    texts: dict[Kind, str] = {
        "doubtful": record.reason if record.status == "doubtful" else "",
        "loud": f"peaks at {peak:.4g}{after}, where values within ±1 are expected" * (peak > limit),
        "silent": "is silent throughout" * (record.signal == "silent"),
        "constant": "holds one constant value throughout (DC)" * (record.signal == "constant"),
    }
    return tuple(Remark(kind, text) for kind, text in texts.items() if text)


def _expected_peak(gained: bool) -> tuple[float, str]:
    """Return the largest peak without a remark, and words to say where it was measured."""
    return (FULL_SCALE, " after the gain to a loudness") if gained else (LOUD, "")


def set_notes(counts: SetCounts, settings: str) -> list[str]:
    """Return the notes on a data set, whatever it is compared with.

    Args:
        counts: of its files.
        settings: how the model was used, as text.
    """
    limit, after = _expected_peak(any(setting.startswith("loudness=") for setting in settings.split()))
    lost = f"{counts.doubt_seconds:.3g} s" if counts.doubt_seconds else "an unknown part"
    peaks = f"with peaks above {limit:g}{after}, up to {counts.peak:.4g}, where values within ±1 are expected"
    notes = [
        (counts.doubtful, f"of doubtful length ({lost} missing or ignored)"),
        (counts.loud, peaks),
        (counts.silent, "silent throughout"),
        (counts.constant, "with one constant value throughout (DC)"),
        (counts.duplicates, "with the same sound as another file of the set"),
    ]
    return [f"{counted(files, 'file')} {text}" for files, text in notes if files]


def pair_notes(reference: SetCounts, evaluation: SetCounts) -> list[str]:
    """Return the notes on two data sets together.

    They are the same whichever set is the reference, and name neither: a table of many pairs has few notes.
    """
    notes = []
    if shared := len(set(reference.sounds) & set(evaluation.sounds)):
        notes.append(f"{counted(shared, 'sound')} in both sets: the sets are not independent samples")
    rates = sorted({rate for counts in (reference, evaluation) for rate, _ in counts.rates}, reverse=True)
    for rate in rates if reference.rates and evaluation.rates else ():
        fewer, more = sorted(_share_from(counts, rate) for counts in (reference, evaluation))
        if more - fewer > UNLIKE:
            notes.append(
                f"sample rates differ: {fewer:.0%} of one set's files and {more:.0%} of the other's have "
                f"{rate} Hz or more, and a file holds no frequencies above half its sample rate"
            )
            break
    return notes


def size_notes(files: Collection[int], vectors: Collection[int]) -> list[str]:
    """Return the notes on the sizes of two data sets; they name neither, as those of `pair_notes`.

    Args:
        files: number of files of each set of which it is known.
        vectors: number of vectors of each set of which it is known.
    """
    notes = []
    if any(number < FEW_FILES for number in files):
        notes.append(f"fewer than {FEW_FILES} files in a set: a small sample")
    for what, numbers in (("files", files), ("vectors", vectors)):
        if numbers and max(numbers) >= UNEVEN * max(1, min(numbers)):
            notes.append(f"sets of very different size: at least {UNEVEN} times as many {what}")
            break
    return notes


def _share_from(counts: SetCounts, rate: int) -> float:
    """Return the share of a set's files with at least this sample rate."""
    total = sum(files for _, files in counts.rates)
    return sum(files for each, files in counts.rates if each >= rate) / total
