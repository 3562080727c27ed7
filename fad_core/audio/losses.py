"""Differences between the sound that a file holds or states and the sound that is decoded from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

SMALL_LOSS = 0.1
"""Seconds up to which a file may be used. A cut within the last MPEG frame costs 72 ms at 8 kHz; a size in a
header that is wrong by a header's length costs less than 1 ms."""

_REENCODE = "copy or make it again, or re-encode what is there (ffmpeg -i FILE NEW.flac)"
_REMEDIES = {
    "missing": _REENCODE,
    "damaged": _REENCODE,
    "ignored": "re-encode it so that all is read (ffmpeg -i FILE NEW.flac), or cut off what is no sound",
    "surplus": "cut off what does not belong to it, or re-encode it (ffmpeg -i FILE NEW.flac)",
}
_WRONG_SIZE = "re-encode it by its true length (ffmpeg -ignore_length 1 -i FILE NEW.flac)"

# Bits of a sample. In codings by blocks a sample takes at least these, for blocks have headers.
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BITS |= {"FLOAT": 32, "DOUBLE": 64, "ULAW": 8, "ALAW": 8}
_BLOCK_BITS = {"IMA_ADPCM": 4, "MS_ADPCM": 4, "GSM610": 1.625, "G721_32": 4, "G723_24": 3, "G723_40": 5}
_BLOCK_BITS |= {"NMS_ADPCM_16": 2, "NMS_ADPCM_24": 3, "NMS_ADPCM_32": 4}


@dataclass(frozen=True)
class DecodedFile:
    """A file, and what libsndfile made of it.

    Attributes:
        stream: the file, open for reading in binary.
        size: of the file in bytes.
        format: libsndfile's name of the container.
        subtype: libsndfile's name of the coding.
        sample_rate: in Hz.
        channels: count of channels.
        frames: samples decoded in each channel.
        declared: samples in each channel that libsndfile announced before it decoded.
    """

    stream: BinaryIO
    size: int
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

    def read(self, position: int, count: int) -> bytes:
        """Read up to `count` bytes from an offset on; none if the offset or the count is impossible."""
        try:
            self.stream.seek(position)
        except (OSError, OverflowError, ValueError):  # a header may point anywhere, beyond any file too
            return b""
        return self.stream.read(max(0, count))


@dataclass(frozen=True)
class Loss:
    """One way in which the decoded sound differs from what the file holds or states.

    Attributes:
        seconds: how much sound; infinite if that is unknown and may be any amount.
        text: what was found, one line.
        kind: "missing" from the file; "damaged", which is in the file but not whole, or more than once;
            "ignored", which is in the file but not decoded; or "surplus", which is decoded although the
            container says that it is not sound.
        remedy: what to do, where the usual advice for this kind does not help.
    """

    seconds: float
    text: str
    kind: Literal["missing", "damaged", "ignored", "surplus"]
    remedy: str = ""

    def __str__(self) -> str:
        if self.seconds == 0:
            return self.text
        if self.seconds == float("inf"):
            return f"{self.text} (how much is {self.kind} is unknown)"
        return f"{self.text} ({self.seconds:.{3 if self.seconds >= 0.0005 else 6}f} s {self.kind})"


def total(losses: Sequence[Loss]) -> float:
    """Return how many seconds of sound are lost."""
    return sum(loss.seconds for loss in losses)


def remedy_of(losses: Sequence[Loss], file: DecodedFile) -> str:
    """Return what to do about a file whose losses are not small."""
    worst = max(losses, key=lambda loss: loss.seconds)
    wave = file.format in ("WAV", "WAVEX", "RF64") and "MPEG" not in file.subtype
    return worst.remedy or (_WRONG_SIZE if wave and worst.kind == "ignored" else _REMEDIES[worst.kind])


def known_size(stated: int) -> int | None:
    """Return a size that a header states, or None if programs write it when they do not know the size yet.

    ffmpeg writes all ones (63 of them in WAVE64), SoX 0x7ffff000 (WAV) and 0x7f000000 (AIFF), arecord
    0x80000000, each give or take a header or an incomplete sample.
    """
    unknown = (
        stated <= 0
        or 0x7EFFFF00 <= stated <= 0x80000000
        or 0xFFFFFF00 <= stated <= 0xFFFFFFFF
        or stated >= 1 << 62
    )
    return None if unknown else stated


def length_losses(
    stated: float, there: float, difference: float, more: Literal["ignored", "surplus"]
) -> list[Loss]:
    """Compare the length that a header states with the length that is there.

    Args:
        stated: in seconds.
        there: in seconds.
        difference: how much the stated length is larger, in seconds.
        more: the kind of loss if it is smaller.
    """
    text = f"its header promises {stated:.3f} s, {there:.3f} s are there"
    if difference > 0:
        return [Loss(difference, f"cut short: {text}", "missing")]
    return [Loss(-difference, text, more)] if difference else []


def byte_losses(file: DecodedFile, stated: int | None, present: int, beyond: int) -> list[Loss]:
    """Compare the bytes of sound that a header states with those in the file and those file.

    Args:
        file: the file.
        stated: bytes of sound as the header states them; None if it does not know, and all are sound.
        present: how many of these are in the file; negative if the file ends before them.
        beyond: bytes after the stated ones that are nothing known, and so may be sound.
    """
    present = max(0, present)
    bits = _BITS.get(file.subtype) or _BLOCK_BITS.get(file.subtype, 0)
    # Where samples take what they need, what was decoded gives the mean.
    mean = max(present, 1) / file.seconds if file.frames else 1.0
    second = bits * file.channels * file.sample_rate / 8 or mean
    read = int(file.frames * file.channels * bits / 8)
    if file.subtype in _BITS:
        ignored, surplus = present + beyond - read, read - present
    else:
        # At least so much was read; the last block may be padding.
        surplus = read - present if beyond else 0
        ignored = beyond - max(0, surplus)
    losses = []
    if stated is not None and present < stated:
        text = f"cut short: its header promises {stated} bytes of sound, {present} are there"
        losses.append(Loss((stated - present) / second, text, "missing"))
    if ignored > 0:
        if stated is None and ignored == present:
            text = (
                f"its header gives no size of the sound: the {ignored} bytes that follow it are not decoded"
            )
        elif beyond:
            text = f"its header promises {present} bytes of sound, {ignored} more follow that are not decoded"
        else:
            text = f"the last {ignored} bytes of its sound are not decoded"
        losses.append(Loss(ignored / second, text, "ignored"))
    if surplus > 0:
        text = f"{surplus} bytes are decoded beyond the {present} that its header calls sound"
        losses.append(Loss(surplus / second, text, "surplus"))
    return losses
