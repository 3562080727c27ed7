"""Ogg files (Vorbis, Opus): find audio that is damaged, missing or not decoded, by their pages.

A file may hold several streams, in parallel (multiplexed) or one after the other (chained); libsndfile
decodes the first one and ignores the rest. Pages have a number, a checksum and a position in the audio; the
decoder drops a damaged page without an error.

Formats: RFC 3533 (Ogg), Vorbis I, RFC 7845 (Opus), Ogg FLAC mapping 1.0, Speex.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

from fad_core.audio.losses import DecodedFile, Loss
from fad_core.audio.tags import unexplained_bytes

_FIRST, _LAST = 0x02, 0x04  # flags of a page
_HEADER = 27
_LARGEST_PAGE = 65307
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_REMEDY = (
    "write each stream to its own file (ffmpeg -i FILE NEW.flac joins consecutive streams of one coding; "
    "ffmpeg -i FILE -map 0:a:0 NEW.flac writes the first of parallel streams)"
)


class _Page(NamedTuple):
    end: int  # offset of its end; beyond the end of the file if it is incomplete
    flags: int
    granule: int  # the position in the stream, in samples; -1 if no packet ends on the page
    serial: bytes
    number: int
    packet: bytes  # the beginning of its content


@dataclass
class _Stream:
    """A stream, as far as its pages have been read."""

    rate: int  # samples per second of its positions; 0 if it is not audio
    delay: int  # samples that a decoder drops at the beginning
    number: int  # of the last page
    ended: bool  # whether a page was marked as the last one
    granule: int = 0  # the position so far, in samples
    disordered: bool = False  # whether pages are lost, repeated or out of order
    lost: float = 0.0  # seconds that are lost with them, or decoded twice
    pending: int = 0  # pages lost since the last position
    step: float = 0.0  # seconds of the last page

    @property
    def seconds(self) -> float:
        """Length of its audio."""
        return max(0, self.granule - self.delay) / self.rate if self.rate else 0.0

    def add(self, page: _Page) -> None:
        """Add the next page of the stream."""
        gap = page.number - self.number - 1
        self.number = page.number
        self.ended = self.ended or bool(page.flags & _LAST)
        if gap:
            self.disordered = True
            self.pending += max(0, gap)
            self.lost += self.step if gap < 0 else 0.0
        if page.granule < 0 or not self.rate:
            return
        self.step = max(0, page.granule - self.granule) / self.rate
        self.lost += self.step * self.pending / (self.pending + 1)
        self.pending = 0
        self.granule = max(self.granule, page.granule)


@dataclass
class _Contents:
    """The contents of an Ogg file."""

    streams: list[_Stream] = field(default_factory=list)  # in the order of their beginning
    chained: bool = False  # whether streams follow each other
    junk: int = 0  # bytes that are not part of a page
    damaged: int = 0  # bytes of pages with a wrong checksum
    cut: _Page | None = None  # an incomplete page at the end of the file
    length: int = 0  # bytes of all whole pages


def ogg_losses(file: DecodedFile) -> list[Loss]:
    """Find the audio that is missing, damaged or ignored in such a file."""
    contents = _read_contents(file)
    if not contents.streams:
        text = "its Ogg pages cannot be interpreted: the length of its audio is unknown"
        return [Loss(0.0, text, "missing")]
    main, *others = contents.streams
    length = max(1, contents.length)
    losses = [] if main.ended else [_end_loss(main, contents.cut)]
    short = max(0, file.declared - file.frames) / file.sample_rate
    if main.disordered or contents.damaged or short:
        text = "its decoder stops early"
        if contents.damaged:
            text = f"damaged: {contents.damaged} bytes of Ogg pages have a wrong checksum"
        elif main.disordered:
            text = "damaged: Ogg pages are lost, repeated or out of order"
        # After a damaged last page there is no position; its length is estimated from its bytes.
        damaged = contents.damaged * file.seconds / length
        losses.append(Loss(max(main.lost, short, damaged), text, "damaged"))
    if more := [other for other in others if other.rate]:
        order = "consecutive" if contents.chained else "parallel"
        text = f"holds {1 + len(more)} {order} Ogg audio streams; libsndfile decodes only the first"
        losses.append(Loss(sum(other.seconds for other in more), text, "ignored", _REMEDY))
    if contents.junk:
        text = f"{contents.junk} bytes of it are not Ogg pages"
        losses.append(Loss(contents.junk / (length / max(file.seconds, 1e-9)), text, "ignored"))
    return losses


def _end_loss(main: _Stream, cut: _Page | None) -> Loss:
    """Return what is missing in a stream without a last page."""
    if cut is None:
        return Loss(0.0, "no Ogg page ends the stream: whether audio is missing is unknown", "missing")
    known = cut.flags & _LAST and cut.granule >= 0 and main.rate
    seconds = max(0.0, (cut.granule - main.granule) / main.rate) if known else math.inf
    return Loss(seconds, "cut short: its last Ogg page is incomplete", "missing")


def _read_contents(file: DecodedFile) -> _Contents:
    contents = _Contents()
    by_serial: dict[bytes, _Stream] = {}
    position, beginning = 0, False  # parallel streams all begin before any of them continues
    while position < file.size:
        start, data = position, file.read(position, _LARGEST_PAGE)
        page = _parse(data, start)
        if page is None or page.end > file.size or not _checksum_is_right(data[: page.end - start]):
            position = _next_page(file, start + 1)
            if page is None:
                contents.junk += unexplained_bytes(file, start, position)
            elif page.end > file.size == position:
                contents.cut = page
            else:
                contents.damaged += position - start
            continue
        position = page.end
        contents.length += position - start
        if page.flags & _FIRST:
            contents.chained = contents.chained or (bool(contents.streams) and not beginning)
            stream = _begin_stream(page)
            contents.streams.append(stream)
            by_serial[page.serial] = stream
        elif page.serial in by_serial:
            by_serial[page.serial].add(page)
        else:
            contents.junk += position - start  # a page of a stream that has no first page
        beginning = bool(page.flags & _FIRST)
    return contents


def _next_page(file: DecodedFile, position: int) -> int:
    """Return the offset of the next page, or the file's size."""
    while position < file.size:
        found = file.read(position, _LARGEST_PAGE).find(b"OggS")
        if found >= 0:
            return position + found
        position += _LARGEST_PAGE - 3
    return file.size


def _parse(data: bytes, start: int) -> _Page | None:
    """Read a page's header, which may be incomplete."""
    if data[:4] != b"OggS"[: len(data)]:
        return None
    whole = data[:_HEADER].ljust(_HEADER, b"\0")
    content = _HEADER + whole[26]
    length = content + sum(data[_HEADER:content])
    if len(data) < content:
        length = max(length, len(data) + 1)
    return _Page(
        end=start + length,
        flags=whole[5] if len(data) >= 14 else 0,
        granule=int.from_bytes(whole[6:14], "little", signed=True),
        serial=whole[14:18],
        number=int.from_bytes(whole[18:22], "little"),
        packet=data[content : content + 64],
    )


def _checksum_is_right(page: bytes) -> bool:
    """Check a page's CRC: zlib's polynomial, but with reversed bits, starting at 0 and not inverted."""
    zeroed = page[:22] + bytes(4) + page[26:]
    value = zlib.crc32(zeroed.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return value.to_bytes(4, "big").translate(_REVERSED) == page[22:26]


def _begin_stream(page: _Page) -> _Stream:
    """Return the stream that begins with a page, from the header of its codec."""
    packet, rate, delay = page.packet, 0, 0
    if packet.startswith(b"\x01vorbis"):
        rate = int.from_bytes(packet[12:16], "little")
    elif packet.startswith(b"OpusHead"):
        rate, delay = 48000, int.from_bytes(packet[10:12], "little")
    elif packet.startswith(b"\x7fFLAC"):
        rate = int.from_bytes(packet[27:30], "big") >> 4
    elif packet.startswith(b"Speex   "):
        rate = int.from_bytes(packet[36:40], "little")
    return _Stream(rate, delay, page.number, bool(page.flags & _LAST))
