"""MPEG audio (MP3): compare its frames with the length that it states and with what was decoded.

An MP3 file is a sequence of frames, each with a known count of samples. A Xing, Info or VBRI tag in the
first frame may state how many there are; without it a decoder can only estimate the length from the first
frame's bit rate and the file's size. libsndfile stops at the estimated length, which for a variable bit rate
may be far too early. So this module counts the frames by their headers.

Format: ISO/IEC 11172-3, section 2.4.1.3, and 13818-3 for the lower sample rates.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import NamedTuple

from fad_core.audio.losses import DecodedFile, Loss, length_losses, total
from fad_core.audio.tags import id3v2_end, tags_start, unexplained_bytes

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
_DECODER_DELAY = 529  # samples that a layer III decoder adds at the beginning
_SEARCH_BYTES = 1 << 16


class Frame(NamedTuple):
    """The header of a frame."""

    length: int  # in bytes
    samples: int  # in each channel
    stream: tuple[int, int, int]  # version, layer and sample rate: the same in all frames of a stream


class _Tag(NamedTuple):
    """The tag in the first frame of a file, which describes the others (Xing, Info, VBRI)."""

    frames: int  # number of frames that follow
    length: int  # bytes of the stream including this frame; 0 if not stated
    trim: tuple[int, int] | None  # samples to remove at both ends, with the decoder's delay


@dataclass
class _Count:
    """The frames of a file, without the one that holds the tag."""

    first: Frame
    tag: _Tag | None
    frames: int = 0
    length: int = 0  # bytes of the frames, with the one that holds the tag
    foreign: int = 0  # bytes that are neither frames of this stream nor tags
    cut: bool = False  # the last frame is incomplete


def mpeg_losses(file: DecodedFile, start: int, end: int) -> list[Loss]:
    """Find the audio that is missing, ignored or surplus in such a file.

    Args:
        file: the file.
        start: offset where its MPEG stream begins.
        end: offset where its MPEG stream ends.
    """
    count = _count_frames(file, start, end)
    if count is None:
        text = "its MPEG frames cannot be counted: the length of its audio is unknown"
        return [Loss(0.0, text, "missing")]
    frame = count.first.samples / file.sample_rate
    # A missing frame is counted by both comparisons, so the larger loss is taken.
    losses = max(_stated_losses(count, frame), _decoding_losses(count, file), key=total)
    if count.foreign:
        # The first frame may be incomplete, and the only one.
        second = max(count.length, count.first.length) / max(1, count.frames) / frame
        text = f"{count.foreign} bytes of it are not MPEG frames of its stream"
        losses.append(Loss(count.foreign / second, text, "ignored"))
    return losses


def _stated_losses(count: _Count, frame: float) -> list[Loss]:
    """Compare the count of frames in the tag with those in the file; a frame takes `frame` seconds."""
    if count.tag is None:
        # Without a count of frames, an incomplete last one does not show how many should follow.
        text = "cut short: its last MPEG frame is incomplete"
        return [Loss(math.inf, text, "missing")] if count.cut else []
    stated = count.tag.frames
    # Some encoders include the frame of the tag; then the length in bytes shows that nothing is missing.
    if count.frames == stated - 1 and not count.cut and 0 < count.tag.length <= count.length:
        stated -= 1
    return length_losses(stated * frame, count.frames * frame, (stated - count.frames) * frame, "ignored")


def _decoding_losses(count: _Count, file: DecodedFile) -> list[Loss]:
    """Compare the length of the frames with that of the decoded audio."""
    expected, slack = count.frames * count.first.samples, 2 * count.first.samples
    if count.tag and count.tag.trim:
        begin, end = count.tag.trim
        expected, slack = expected - begin - max(0, end), 0 if count.frames == count.tag.frames else slack
    if file.frames + slack >= expected:
        return []
    present = expected / file.sample_rate
    decodes = f"libsndfile decodes only {file.seconds:.3f} of its {present:.3f} s"
    text = f"{decodes}, because no header gives the right length"
    return [Loss(present - file.seconds, text, "ignored")]


def _count_frames(file: DecodedFile, start: int, end: int) -> _Count | None:
    start, end = id3v2_end(file, start), tags_start(file, start, end)
    position = _find_frame(file, start, end)
    first = parse_frame(file.read(position, 4))
    if position >= end or first is None:
        return None
    tag = _tag_at(file, position)
    count = _Count(first, tag, frames=-1 if tag else 0)  # the tag's frame holds no audio
    # The first frame may be damaged after its tag; the search above then finds a later one.
    count.tag = tag or _tag_at(file, start)
    count.foreign = unexplained_bytes(file, start, position)
    while position < end:
        frame = parse_frame(file.read(position, 4))
        if frame is None or frame.stream != first.stream:
            following = _find_frame(file, position, end, first)
            count.foreign += unexplained_bytes(file, position, following)
            position = following
            continue
        position += frame.length
        if position > end:
            count.cut = True
            break
        count.frames += 1
        count.length += frame.length
    count.frames = max(0, count.frames)  # the tag's frame may be incomplete
    return count


def _find_frame(file: DecodedFile, start: int, end: int, like: Frame | None = None) -> int:
    """Return the offset of the next frame that is followed by another one of its stream or by the end.

    Args:
        file: the file.
        start: offset where the search begins.
        end: end of the stream; returned if there is no such frame.
        like: a frame of the stream; None for the first one of a file, which may be incomplete.
    """
    for begin in range(start, end, _SEARCH_BYTES):
        window = file.read(begin, min(_SEARCH_BYTES, end - begin) + 3)
        offset = -1
        while (offset := window.find(b"\xff", offset + 1)) >= 0:
            frame = parse_frame(window[offset : offset + 4])
            if frame is None or (like and frame.stream != like.stream):
                continue
            after = begin + offset + frame.length
            following = parse_frame(file.read(after, 4))
            if after == end or (like is None and after > end):
                return begin + offset
            if following and following.stream == frame.stream:
                return begin + offset
    return end


def parse_frame(header: bytes) -> Frame | None:
    """Read a frame's header of four bytes; return None if it is not one, or has the "free" bit rate."""
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
    return Frame(length, samples, (version, layer, rate))


def _tag_at(file: DecodedFile, position: int) -> _Tag | None:
    """Read the tag that counts the frames (Xing, Info or VBRI) from the frame at an offset."""
    header = parse_frame(file.read(position, 4))
    frame = file.read(position, header.length) if header else b""
    if frame[36:40] == b"VBRI":
        length, frames = struct.unpack(">II", frame[46:54].ljust(8, b"\0"))
        return _Tag(frames, length, None)
    at = max(frame.find(b"Xing", 4, 48), frame.find(b"Info", 4, 48))
    if at < 0 or not frame[at + 7 : at + 8] or not frame[at + 7] & 1:
        return None
    flags = frame[at + 7]
    frames = int.from_bytes(frame[at + 8 : at + 12], "big")
    length = int.from_bytes(frame[at + 12 : at + 16], "big") if flags & 2 else 0
    encoder = at + 12 + (4 if flags & 2 else 0) + (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    both = int.from_bytes(frame[encoder + 21 : encoder + 24], "big")
    named = frame[encoder : encoder + 4].isalpha()
    trim = ((both >> 12) + _DECODER_DELAY, (both & 0xFFF) - _DECODER_DELAY)
    return _Tag(frames, length, trim if named and both else None)
