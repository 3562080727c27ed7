"""How many bytes of sound a container promises, holds, and had decoded."""

from __future__ import annotations

from dataclasses import dataclass

from fad_core.audio.losses import Decoded, Loss

# Bits that a sample takes in codings where all take the same.
_EXACT_BITS = {
    "PCM_S8": 8,
    "PCM_U8": 8,
    "PCM_16": 16,
    "PCM_24": 24,
    "PCM_32": 32,
    "FLOAT": 32,
    "DOUBLE": 64,
    "ULAW": 8,
    "ALAW": 8,
    "DPCM_8": 8,
    "DPCM_16": 16,
}
# In codings by blocks, without the blocks' headers, so that a sample never takes less.
_LEAST_BITS = {
    "IMA_ADPCM": 4.0,
    "MS_ADPCM": 4.0,
    "GSM610": 1.625,
    "G721_32": 4.0,
    "G723_24": 3.0,
    "G723_40": 5.0,
    "NMS_ADPCM_16": 2.0,
    "NMS_ADPCM_24": 3.0,
    "NMS_ADPCM_32": 4.0,
}


@dataclass(frozen=True)
class Extent:
    """Where a container keeps its sound.

    Attributes:
        start: offset of the sound.
        promised: bytes of sound as the container states it; None if it does not know.
        size: of the file in bytes, without tags at its end.
        beyond: bytes after the promised sound that are nothing known: sound perhaps.
        bits: that a sample takes, where it does not follow from the coding.
    """

    start: int
    promised: int | None
    size: int
    beyond: int
    bits: float | None = None


def promised_bytes(declared: int) -> int | None:
    """Return a size in a header, or None if a program writes it when it does not know the size yet.

    ffmpeg writes all ones (63 of them in WAVE64), SoX 0x7ffff000 (WAV) and 0x7f000000 (AIFF), arecord
    0x80000000, each give or take a header or an incomplete sample.
    """
    unknown = (
        declared == 0
        or 0x7EFFFF00 <= declared <= 0x80000000
        or 0xFFFFFF00 <= declared <= 0xFFFFFFFF
        or declared >= 1 << 62
    )
    return None if unknown else declared


def losses_of(extent: Extent, decoded: Decoded) -> list[Loss]:
    """Compare the bytes of sound that are promised, there and decoded."""
    there = max(0, extent.size - extent.start)
    promised = there if extent.promised is None else extent.promised
    present = min(promised, there)
    second = _bytes_a_second(extent, decoded, present)
    losses = []
    if present < promised:
        text = f"cut short: its header promises {promised} bytes of sound, {present} are there"
        losses.append(Loss((promised - present) / second, text, "missing"))
    bits = _EXACT_BITS.get(decoded.subtype) if extent.bits is None else None
    if bits:
        read = decoded.frames * decoded.channels * bits // 8
        ignored, surplus = present + extent.beyond - read, read - present
    else:
        # At least so much was read: blocks have headers, and the last one may be padding.
        least = int(decoded.frames * decoded.channels * _LEAST_BITS.get(decoded.subtype, 0) / 8)
        surplus = least - present if extent.beyond else 0
        ignored = extent.beyond - max(0, surplus)
    if ignored > 0:
        losses.append(Loss(ignored / second, _ignored_text(extent, present, ignored), "ignored"))
    if surplus > 0 and extent.promised is not None:
        text = f"{surplus} bytes are decoded beyond the {present} that its header calls sound"
        losses.append(Loss(surplus / second, text, "surplus"))
    return losses


def _ignored_text(extent: Extent, present: int, ignored: int) -> str:
    if extent.promised is None and ignored == present:
        return f"its header gives no size of the sound: the {ignored} bytes that follow it are not decoded"
    if extent.promised is None or not extent.beyond:
        return f"the last {ignored} bytes of its sound are not decoded"
    return f"its header promises {present} bytes of sound, {ignored} more follow that are not decoded"


def _bytes_a_second(extent: Extent, decoded: Decoded, present: int) -> float:
    bits = extent.bits or _EXACT_BITS.get(decoded.subtype) or _LEAST_BITS.get(decoded.subtype)
    if bits:
        return bits * decoded.channels * decoded.sample_rate / 8
    # Of a coding whose samples take what they need, what was decoded gives the mean.
    return max(present, 1) / decoded.seconds if decoded.frames else 1.0
