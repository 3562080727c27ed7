"""Whether an MPEG audio file (MP3) was decoded whole.

An MP3 file is a row of frames, each of a known count of samples. A Xing, Info or VBRI tag in the
first frame may tell how many there are; without it a decoder can only guess from the first frame's
bit rate and the file's size, and libsndfile stops where the guess ends, which for a variable bit rate
may be far too early. So the frames are counted here, by their headers alone.

Format: ISO/IEC 11172-3, section 2.4.1.3, and 13818-3 for the lower sample rates.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

# In kbit/s, by (is MPEG-1, layer); index 0 means "free", 15 is forbidden.
_BITRATES = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44100, 48000, 32000)
_RATE_DIVISORS = {3: 1, 2: 2, 0: 4}  # MPEG-1, MPEG-2, MPEG-2.5
# An encoder's tag may ask for up to 4095 samples to be cut at either end; a decoder drops 529.
_LONGEST_TRIM = 2 * 4095 + 529
_SEARCH_BYTES = 1 << 16


@dataclass(frozen=True)
class _Frame:
    length: int  # bytes
    samples: int
    stream: tuple[int, int, int]  # version, layer, sample rate: the same in all frames of a stream


@dataclass(frozen=True)
class _Count:
    samples: int
    frame_samples: int
    tagged: bool  # the first frame tells how many there are
    whole: bool  # the last frame is complete


def missing_mpeg_sound(stream: BinaryIO, declared: int, decoded: int, sample_rate: int) -> str | None:
    """Say how an MPEG audio file, or what was decoded of it, falls short.

    Args:
        stream: the file, open for reading in binary; its position is moved.
        declared: how many samples a channel the decoder announced.
        decoded: how many it gave.
        sample_rate: in Hz.

    Returns:
        One line that says what is missing, or None if nothing is seen to be missing.
    """
    count = _count_samples(stream)
    if count is None:
        return None
    # Some encoders count the frame of the tag itself.
    if count.tagged and decoded + count.frame_samples < declared:
        return (
            f"cut short: its header promises {declared / sample_rate:.3f} s, "
            f"{decoded / sample_rate:.3f} s are there"
        )
    if not count.whole:
        return "cut short: its last MPEG frame is incomplete"
    slack = 2 * count.frame_samples + (_LONGEST_TRIM if count.tagged else 0)
    if decoded + slack < count.samples:
        there = count.samples / sample_rate
        return (
            f"libsndfile decodes only {decoded / sample_rate:.3f} of its {there:.3f} s, "
            "for want of a header with the right length: convert it to WAV or FLAC"
        )
    return None


def _count_samples(stream: BinaryIO) -> _Count | None:
    size = stream.seek(0, os.SEEK_END)
    position = _first_frame(stream, size)
    if position is None:
        return None
    first = _parse(_read(stream, position, 4))
    assert first is not None
    tagged = _has_length_tag(_read(stream, position, first.length))
    samples = -first.samples if tagged else 0  # the tag's frame holds no sound
    frame: _Frame | None = first
    while frame is not None and frame.stream == first.stream:
        position += frame.length
        if position > size:
            return _Count(samples, first.samples, tagged, whole=False)
        samples += frame.samples
        frame = _parse(_read(stream, position, 4))
    return _Count(samples, first.samples, tagged, whole=True)


def _first_frame(stream: BinaryIO, size: int) -> int | None:
    """The offset of the first frame that another one of the same stream follows."""
    start = 0
    while (tag := _read(stream, start, 10))[:3] == b"ID3" and len(tag) == 10:
        start += 10 + sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
        start += 10 if tag[5] & 0x10 else 0
    window = _read(stream, start, _SEARCH_BYTES)
    offset = window.find(b"\xff")
    while offset >= 0:
        frame = _parse(window[offset : offset + 4])
        if frame:
            after = start + offset + frame.length
            following = _parse(_read(stream, after, 4))
            if after >= size or (following and following.stream == frame.stream):
                return start + offset
        offset = window.find(b"\xff", offset + 1)
    return None


def _parse(header: bytes) -> _Frame | None:
    """Read a frame's four header bytes; None if they are none, or of the "free" bit rate."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    bitrate = 1000 * _BITRATES[version == 3, layer][bitrate_index]
    rate = _SAMPLE_RATES[rate_index] // _RATE_DIVISORS[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    slot = 4 if layer == 1 else 1
    length = (samples // 8 // slot * bitrate // rate + padding) * slot
    return _Frame(length, samples, (version, layer, rate))


def _has_length_tag(frame: bytes) -> bool:
    """Whether a frame carries a Xing, Info or VBRI tag with a count of frames."""
    for name in (b"Xing", b"Info"):
        at = frame.find(name, 4, 48)
        if at >= 0:
            return bool(frame[at + 7 : at + 8] and frame[at + 7] & 1)
    return frame[36:40] == b"VBRI"


def _read(stream: BinaryIO, position: int, count: int) -> bytes:
    stream.seek(position)
    return stream.read(count)
