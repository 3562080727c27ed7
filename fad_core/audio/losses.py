"""Differences between the audio that a file holds or declares and the audio that is decoded from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

SMALL_LOSS = 0.1
"""Largest loss in seconds with which a file is used. A cut within the last MPEG frame loses 72 ms at 8 kHz; a
size that is wrong by the length of a header loses less than 1 ms."""

_REENCODE = "copy or create it again, or re-encode what remains (ffmpeg -i FILE NEW.flac)"
_REMEDIES = {
    "missing": _REENCODE,
    "damaged": _REENCODE,
    "ignored": "re-encode it so that all of it is read (ffmpeg -i FILE NEW.flac), or remove the data that is "
    "not audio",
    "surplus": "remove the data that does not belong to it, or re-encode it (ffmpeg -i FILE NEW.flac)",
}
_WRONG_SIZE = "re-encode it with its true length (ffmpeg -ignore_length 1 -i FILE NEW.flac)"

# Bits of a sample. In block codings, a sample takes at least these bits, because blocks have headers.
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BITS |= {"FLOAT": 32, "DOUBLE": 64, "ULAW": 8, "ALAW": 8}
_BLOCK_BITS = {"IMA_ADPCM": 4, "MS_ADPCM": 4, "GSM610": 1.625, "G721_32": 4, "G723_24": 3, "G723_40": 5}
_BLOCK_BITS |= {"NMS_ADPCM_16": 2, "NMS_ADPCM_24": 3, "NMS_ADPCM_32": 4}


@dataclass(frozen=True)
class DecodedFile:
    """A file, and the result of decoding it with libsndfile.

    Attributes:
        stream: the file, open for reading in binary.
        size: size of the file in bytes.
        format: libsndfile's name of the container.
        subtype: libsndfile's name of the coding.
        sample_rate: sample rate in Hz.
        channels: count of channels.
        frames: samples decoded in each channel.
        declared: samples in each channel that libsndfile reported before decoding.
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
        """Length of the decoded audio."""
        return self.frames / self.sample_rate

    def read(self, position: int, count: int) -> bytes:
        """Read up to `count` bytes from an offset on; no bytes if the offset or the count is invalid."""
        try:
            self.stream.seek(position)
        except (OSError, OverflowError, ValueError):  # a header may hold any offset
            return b""
        return self.stream.read(max(0, count))


@dataclass(frozen=True)
class Loss:
    """One difference between the decoded audio and what the file holds or declares.

    Attributes:
        seconds: length of the audio concerned; infinite if it is unknown.
        text: what was found, one line.
        kind: "missing": not in the file; "damaged": in the file but not whole, or repeated; "ignored": in
            the file but not decoded; "surplus": decoded although the container declares that it is not audio.
        remedy: what to do, if the usual advice for this kind does not help.
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
    """Return how many seconds of audio the losses concern."""
    return sum(loss.seconds for loss in losses)


def remedy_of(losses: Sequence[Loss], file: DecodedFile) -> str:
    """Return what to do about a file whose losses are not small."""
    worst = max(losses, key=lambda loss: loss.seconds)
    wave = file.format in ("WAV", "WAVEX", "RF64") and "MPEG" not in file.subtype
    return worst.remedy or (_WRONG_SIZE if wave and worst.kind == "ignored" else _REMEDIES[worst.kind])


def known_size(stated: int) -> int | None:
    """Return a size that a header states, or None if it is a placeholder for a size that is not yet known.

    ffmpeg writes all ones (63 of them in WAVE64), SoX 0x7ffff000 (WAV) and 0x7f000000 (AIFF), arecord
    0x80000000, each plus or minus a header or an incomplete sample.
    """
    unknown = (
        stated <= 0
        or 0x7EFFFF00 <= stated <= 0x80000000
        or 0xFFFFFF00 <= stated <= 0xFFFFFFFF
        or stated >= 1 << 62
    )
    return None if unknown else stated


def length_losses(
    stated: float, present: float, difference: float, more: Literal["ignored", "surplus"]
) -> list[Loss]:
    """Compare the length that a header states with the length that is present.

    Args:
        stated: stated length in seconds.
        present: present length in seconds.
        difference: by how many seconds the stated length is larger.
        more: the kind of loss if the stated length is smaller.
    """
    text = f"its header declares {stated:.3f} s, but it has {present:.3f} s"
    if difference > 0:
        return [Loss(difference, f"cut short: {text}", "missing")]
    return [Loss(-difference, text, more)] if difference else []


def byte_losses(file: DecodedFile, stated: int | None, present: int, beyond: int) -> list[Loss]:
    """Compare the bytes of audio that a header states with those in the file and those decoded.

    Args:
        file: the file.
        stated: bytes of audio that the header states; None if it states no size, and all bytes are audio.
        present: how many of these are in the file; negative if the file ends before the first one.
        beyond: unexplained bytes after the stated ones, which may be audio.
    """
    present = max(0, present)
    bits = _BITS.get(file.subtype) or _BLOCK_BITS.get(file.subtype, 0)
    # In codings with samples of variable size, the decoded length gives the mean.
    mean = max(present, 1) / file.seconds if file.frames else 1.0
    second = bits * file.channels * file.sample_rate / 8 or mean
    read = int(file.frames * file.channels * bits / 8)
    if file.subtype in _BITS:
        ignored, surplus = present + beyond - read, read - present
    else:
        # `read` is a lower limit; the last block may be padding.
        surplus = read - present if beyond else 0
        ignored = beyond - max(0, surplus)
    losses = []
    if stated is not None and present < stated:
        text = f"cut short: its header declares {stated} bytes of audio, but it has {present}"
        losses.append(Loss((stated - present) / second, text, "missing"))
    if ignored > 0:
        if stated is None and ignored == present:
            text = f"its header states no size of the audio: the {ignored} bytes after it are not decoded"
        elif beyond:
            text = f"its header declares {present} bytes of audio; {ignored} more follow and are not decoded"
        else:
            text = f"the last {ignored} bytes of its audio are not decoded"
        losses.append(Loss(ignored / second, text, "ignored"))
    if surplus > 0:
        text = f"{surplus} bytes are decoded beyond the {present} bytes of audio that its header declares"
        losses.append(Loss(surplus / second, text, "surplus"))
    return losses
