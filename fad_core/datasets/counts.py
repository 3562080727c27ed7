"""What became of a data set's files, in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fad_core.datasets.selection import FileUse


@dataclass(frozen=True)
class SetCounts:
    """What became of the files of a data set, or of a part of one.

    Attributes:
        files: how many were embedded, the padded ones included.
        padded: how many of them were padded.
        excluded: how many audio files were left out.
        seconds: of audio embedded, before padding.
    """

    files: int
    padded: int
    excluded: int
    seconds: float

    @classmethod
    def of(cls, uses: Iterable[FileUse]) -> SetCounts:
        """Count what was decided on files."""
        uses = list(uses)
        embedded = [use for use in uses if use.status != "excluded"]
        return cls(
            files=len(embedded),
            padded=sum(use.status == "padded" for use in uses),
            excluded=len(uses) - len(embedded),
            seconds=total_seconds(use.record.seconds for use in embedded),
        )

    @classmethod
    def total(cls, parts: Sequence[SetCounts]) -> SetCounts:
        """The counts of the whole, the same however it was divided."""
        return cls(
            files=sum(part.files for part in parts),
            padded=sum(part.padded for part in parts),
            excluded=sum(part.excluded for part in parts),
            seconds=total_seconds(part.seconds for part in parts),
        )


def total_seconds(seconds: Iterable[float]) -> float:
    """A sum of durations, each to the microsecond: so it does not show in which parts it was taken."""
    return round(math.fsum(round(value, 6) for value in seconds), 6)
