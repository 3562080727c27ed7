"""What became of a data set's files, in numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fad_core.datasets.decisions import FileDecision


@dataclass(frozen=True)
class SetCounts:
    """What became of the files of a data set, or of a part of one, and what is to be known of their sound.

    Attributes:
        files: how many were embedded, the padded ones included.
        padded: how many of them were padded.
        excluded: how many audio files were left out.
        seconds: of audio embedded, before padding.
        doubtful: how many of the embedded files are of doubtful length (`fad_core.audio`).
        doubt_seconds: how much is missing from these, or ignored.
        loud: how many have peaks above `fad_core.datasets.remarks.LOUD`.
        peak: the largest absolute sample value.
        silent: how many are silent throughout.
        constant: how many hold one value throughout.
        rates: (sample rate in Hz, number of embedded files), sorted; rates above the model's count as the
            model's, which gets nothing of what lies above half of it.
        sounds: the first 8 bytes of the hash of each embedded file's sound, as a signed number; sorted.
    """

    files: int
    padded: int
    excluded: int
    seconds: float
    doubtful: int = 0
    doubt_seconds: float = 0.0
    loud: int = 0
    peak: float = 0.0
    silent: int = 0
    constant: int = 0
    rates: tuple[tuple[int, int], ...] = ()
    sounds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # As JSON and tables give it: a list, an array.
        object.__setattr__(self, "sounds", tuple(map(int, self.sounds)))

    @property
    def duplicates(self) -> int:
        """How many of the embedded files have the same sound as one before them."""
        return len(self.sounds) - len(set(self.sounds))

    @classmethod
    def of(cls, decisions: Iterable[FileDecision], model_rate: int) -> SetCounts:
        """Count what was decided on files, for a model of this sample rate in Hz."""
        decisions = list(decisions)
        embedded = [decision for decision in decisions if decision.status != "excluded"]
        records = [decision.record for decision in embedded]
        rates = Counter(min(model_rate, record.sample_rate) for record in records)
        kinds = Counter(remark.kind for decision in embedded for remark in decision.remarks)
        return cls(
            files=len(embedded),
            padded=sum(decision.status == "padded" for decision in decisions),
            excluded=len(decisions) - len(embedded),
            seconds=total_seconds(record.seconds for record in records),
            doubtful=kinds["doubtful"],
            doubt_seconds=total_seconds(record.doubt_seconds for record in records),
            loud=kinds["loud"],
            peak=max((record.peak for record in records), default=0.0),
            silent=kinds["silent"],
            constant=kinds["constant"],
            rates=tuple(sorted(rates.items())),
            sounds=tuple(sorted(_number(record.sound_sha256) for record in records if record.sound_sha256)),
        )

    @classmethod
    def total(cls, parts: Sequence[SetCounts]) -> SetCounts:
        """The counts of the whole, the same however it was divided."""
        rates: Counter[int] = Counter()
        for part in parts:
            rates.update(dict(part.rates))
        return cls(
            files=sum(part.files for part in parts),
            padded=sum(part.padded for part in parts),
            excluded=sum(part.excluded for part in parts),
            seconds=total_seconds(part.seconds for part in parts),
            doubtful=sum(part.doubtful for part in parts),
            doubt_seconds=total_seconds(part.doubt_seconds for part in parts),
            loud=sum(part.loud for part in parts),
            peak=max((part.peak for part in parts), default=0.0),
            silent=sum(part.silent for part in parts),
            constant=sum(part.constant for part in parts),
            rates=tuple(sorted(rates.items())),
            sounds=tuple(sorted(sound for part in parts for sound in part.sounds)),
        )


def total_seconds(seconds: Iterable[float]) -> float:
    """A sum of durations, each to the microsecond: so it does not show in which parts it was taken."""
    return round(math.fsum(round(value, 6) for value in seconds), 6)


def _number(sha256: str) -> int:
    return int.from_bytes(bytes.fromhex(sha256)[:8], "big", signed=True)
