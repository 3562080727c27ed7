"""Count the decisions on the files of a data set, and the remarks on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fad_core.datasets.decisions import FileDecision

_SUMMED = ("files", "padded", "excluded", "doubtful", "loud", "silent", "constant")


@dataclass(frozen=True)
class SetCounts:
    """Counts of the files of a data set, or of a part of one.

    Attributes:
        files: number of files that were embedded, the padded ones included.
        padded: number of padded files.
        excluded: number of audio files that were left out.
        seconds: seconds of audio embedded, before padding.
        doubtful: number of embedded files of doubtful length (`fad_core.audio`).
        doubt_seconds: seconds that are missing from these files, or ignored.
        loud: number of embedded files with peaks above `fad_core.datasets.remarks.LOUD`, or above 1 after the
            gain to a loudness.
        peak: largest absolute sample value, after that gain.
        silent: number of embedded files that are silent throughout.
        constant: number of embedded files of one value throughout.
        rates: (sample rate in Hz, number of embedded files), sorted; rates above the model's count as the
            model's, which receives nothing above half of it.
        sounds: first 8 bytes of the hash of each embedded file's sound, as a signed number; sorted.
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
        # JSON gives a list, a table an array.
        object.__setattr__(self, "sounds", tuple(map(int, self.sounds)))

    @property
    def duplicates(self) -> int:
        """Number of embedded files with the same sound as one before them."""
        return len(self.sounds) - len(set(self.sounds))

    @classmethod
    def of(cls, decisions: Iterable[FileDecision], model_rate: int) -> SetCounts:
        """Count decisions on files, for a model of this sample rate in Hz."""
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
            peak=max((decision.peak for decision in embedded), default=0.0),
            silent=kinds["silent"],
            constant=kinds["constant"],
            rates=tuple(sorted(rates.items())),
            sounds=tuple(sorted(_number(record.sound_sha256) for record in records if record.sound_sha256)),
        )

    @classmethod
    def total(cls, parts: Sequence[SetCounts]) -> SetCounts:
        """Return the counts of the whole, which are the same however it was divided into parts."""
        sums: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in _SUMMED}
        rates: Counter[int] = Counter()
        for part in parts:
            rates.update(dict(part.rates))
        return cls(
            **sums,
            seconds=total_seconds(part.seconds for part in parts),
            doubt_seconds=total_seconds(part.doubt_seconds for part in parts),
            peak=max((part.peak for part in parts), default=0.0),
            rates=tuple(sorted(rates.items())),
            sounds=tuple(sorted(sound for part in parts for sound in part.sounds)),
        )


def total_seconds(seconds: Iterable[float]) -> float:
    """Return a sum of durations, each rounded to the microsecond, so that it does not depend on the parts."""
    return round(math.fsum(round(value, 6) for value in seconds), 6)


def _number(sha256: str) -> int:
    return int.from_bytes(bytes.fromhex(sha256)[:8], "big", signed=True)
