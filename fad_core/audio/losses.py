"""The sound that a file lacks, ignores or holds beyond what it promises, and what follows from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

# Seconds. One MPEG frame at 8 kHz is 72 ms, which a cut within the last frame costs; a size in a header that
# is wrong by a header's length is less than 1 ms.
SMALL_LOSS = 0.1

_REMEDIES = {
    "missing": "copy or make it again, or re-encode what is there (ffmpeg -i FILE NEW.flac)",
    "damaged": "copy or make it again, or re-encode what is there (ffmpeg -i FILE NEW.flac)",
    "ignored": "re-encode it so that all is read (ffmpeg -i FILE NEW.flac), or cut off what is no sound",
    "surplus": "cut off what does not belong to it, or re-encode it (ffmpeg -i FILE NEW.flac)",
}
_WRONG_SIZE = "re-encode it by its true length (ffmpeg -ignore_length 1 -i FILE NEW.flac)"


@dataclass(frozen=True)
class Decoded:
    """What libsndfile made of a file.

    Attributes:
        format: libsndfile's name of the container.
        subtype: libsndfile's name of the coding.
        sample_rate: in Hz.
        channels: count of channels.
        frames: samples decoded in each channel.
        declared: samples in each channel that libsndfile announced before it decoded.
    """

    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    declared: int

    @property
    def seconds(self) -> float:
        """Length of what was decoded."""
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Loss:
    """One way in which what is decoded differs from what the file holds or promises.

    Attributes:
        seconds: how much sound; infinite if it is unknown and may be anything.
        text: what was found, one line.
        kind: the sound is not in the file; is in the file but not whole, or more than once; is in the file
            but not decoded; or is decoded although the container says that it is not sound.
        remedy: what to do, if it is not what helps for this kind.
    """

    seconds: float
    text: str
    kind: Literal["missing", "damaged", "ignored", "surplus"]
    remedy: str = ""


def is_small(losses: Sequence[Loss]) -> bool:
    """Return whether a file with these losses may be used."""
    return sum(loss.seconds for loss in losses) <= SMALL_LOSS


def describe_small(losses: Sequence[Loss]) -> str:
    """Return why a file is doubtful, one line; "" if nothing is lost."""
    return "; ".join(loss.text + _amount(loss) for loss in losses)


def describe_large(losses: Sequence[Loss], decoded: Decoded) -> str:
    """Return why a file is bad, one line: how much is there, how much is not, and what to do."""
    worst = max(losses, key=lambda loss: loss.seconds)
    wave = decoded.format in ("WAV", "WAVEX", "RF64") and "MPEG" not in decoded.subtype
    usual = _WRONG_SIZE if wave and worst.kind == "ignored" else _REMEDIES[worst.kind]
    found = describe_small(losses)
    return f"{found}; {decoded.seconds:.3f} s are decoded: {worst.remedy or usual}"


def _amount(loss: Loss) -> str:
    """Return how much is lost, in brackets; nothing where the text alone says it."""
    if loss.seconds == 0:
        return ""
    if loss.seconds == float("inf"):
        return f" (how much is {loss.kind} is unknown)"
    return f" ({loss.seconds:.{3 if loss.seconds >= 0.0005 else 6}f} s {loss.kind})"


def read_at(stream: BinaryIO, position: int, count: int) -> bytes:
    """Read up to `count` bytes from an offset on; none if the offset or the count is impossible."""
    try:
        stream.seek(position)
    except (OSError, OverflowError, ValueError):  # a header may point anywhere, beyond any file too
        return b""
    return stream.read(max(0, count))


def size_of(stream: BinaryIO) -> int:
    """Return a file's size in bytes."""
    return stream.seek(0, os.SEEK_END)
