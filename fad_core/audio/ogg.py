"""Whether all that an Ogg file (Vorbis, Opus) holds is decoded.

A file may hold several streams, at once (multiplexed) or one after the other (chained); libsndfile decodes
the first one and ignores the rest. Pages are numbered, have a checksum, and say how far the sound has
come; a damaged page is dropped by the decoder without a word.

Formats: RFC 3533 (Ogg), Vorbis I, RFC 7845 (Opus), Ogg FLAC mapping 1.0, Speex.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from fad_core.audio.losses import Decoded, Loss, read_at
from fad_core.audio.trailers import unexplained_bytes

_FIRST, _LAST = 0x02, 0x04  # flags of a page
_HEADER = 27
_LARGEST_PAGE = 65307
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# By whether the streams are chained.
_REMEDIES = {
    True: "write each stream into a file of its own (of one coding, ffmpeg -i FILE NEW.flac joins them)",
    False: "write each stream into a file of its own (ffmpeg -i FILE -map 0:a:0 NEW.flac for the first)",
}


@dataclass(frozen=True)
class _Page:
    start: int
    end: int  # where it ends, or would end if it were not cut off
    flags: int
    granule: int  # -1 if no packet ends on it
    serial: bytes
    number: int
    begin: bytes  # of its content


@dataclass
class _Stream:
    """A stream, as far as its pages were seen.

    Attributes:
        rate: samples a second of its positions; 0 if it is no sound.
        skip: samples that a decoder drops at the beginning.
        number: of the last page.
        granule: the position so far, in samples.
        ended: the last page said that it is the last.
        holes: numbers of pages that are lost, or stand at the wrong place.
        lost: seconds that are lost with them, or decoded twice.
    """

    rate: int
    skip: int
    number: int
    granule: int = 0
    ended: bool = False
    holes: int = 0
    lost: float = 0.0
    _pending: int = field(default=0, repr=False)  # pages lost since the last position
    _step: float = field(default=0.0, repr=False)  # seconds of the last page

    @property
    def seconds(self) -> float:
        """Length of its sound."""
        return max(0, self.granule - self.skip) / self.rate if self.rate else 0.0

    def add(self, page: _Page) -> None:
        """Take the next page of the stream."""
        gap = page.number - self.number - 1
        self.number = page.number
        self.ended = self.ended or bool(page.flags & _LAST)
        if gap:
            self.holes += 1
            self._pending += max(0, gap)
            self.lost += self._step if gap < 0 else 0.0
        if page.granule < 0 or not self.rate:
            return
        self._step = max(0, page.granule - self.granule) / self.rate
        if self._pending:
            self.lost += self._step * self._pending / (self._pending + 1)
        self._pending = 0
        self.granule = max(self.granule, page.granule)


@dataclass
class _Contents:
    """What an Ogg file holds.

    Attributes:
        streams: in the order of their beginning.
        links: how many groups of streams follow each other.
        junk: bytes between pages, or after them, that are no page.
        damaged: bytes of pages with a wrong checksum.
        cut: the page that the end of the file cuts off.
        length: bytes of all whole pages.
    """

    streams: list[_Stream]
    links: int = 0
    junk: int = 0
    damaged: int = 0
    cut: _Page | None = None
    length: int = 0


def ogg_losses(stream: BinaryIO, size: int, decoded: Decoded) -> list[Loss]:
    """Find what such a file lacks or ignores.

    Args:
        stream: the file.
        size: of the file in bytes.
        decoded: what libsndfile made of it.
    """
    contents = _read_contents(stream, size)
    if not contents.streams:
        return [
            Loss(0.0, "its Ogg pages cannot be followed: how much sound it should hold is unknown", "missing")
        ]
    main, *others = contents.streams
    losses = [*_end_losses(main, contents), *_hole_losses(main, contents, decoded)]
    if more := [other for other in others if other.rate]:
        chained = contents.links > 1
        way = "one after the other" if chained else "side by side"
        text = f"holds {1 + len(more)} Ogg streams of sound {way}, of which libsndfile decodes the first"
        losses.append(Loss(sum(other.seconds for other in more), text, "ignored", _REMEDIES[chained]))
    if contents.junk:
        second = max(1, contents.length) / max(decoded.seconds, 1e-9)
        text = f"{contents.junk} bytes of it are no Ogg pages"
        losses.append(Loss(contents.junk / second, text, "ignored"))
    return losses


def _end_losses(main: _Stream, contents: _Contents) -> list[Loss]:
    if main.ended:
        return []
    if (cut := contents.cut) is None:
        text = "no Ogg page ends the stream: whether sound is missing is unknown"
        return [Loss(0.0, text, "missing")]
    text = "cut short: its last Ogg page is incomplete"
    if cut.flags & _LAST and cut.granule >= 0 and main.rate:
        return [Loss(max(0.0, (cut.granule - main.granule) / main.rate), text, "missing")]
    return [Loss(math.inf, text, "missing")]


def _hole_losses(main: _Stream, contents: _Contents, decoded: Decoded) -> list[Loss]:
    short = max(0, decoded.declared - decoded.frames) / decoded.sample_rate
    if not (main.holes or contents.damaged or short):
        return []
    # A damaged last page leaves no position behind it: its bytes tell its length.
    damaged = contents.damaged * decoded.seconds / max(1, contents.length)
    text = "its decoder stops early"
    if contents.damaged:
        text = f"damaged: {contents.damaged} bytes of Ogg pages have a wrong checksum"
    elif main.holes:
        text = "damaged: Ogg pages are lost, repeated or out of order"
    return [Loss(max(main.lost, short, damaged), text, "damaged")]


def _read_contents(stream: BinaryIO, size: int) -> _Contents:
    contents = _Contents([])
    open_streams: dict[bytes, _Stream] = {}
    beginning = False  # the streams of a link all begin before any of them goes on
    for page in _pages(stream, size, contents):
        contents.length += page.end - page.start
        if page.flags & _FIRST:
            contents.links += not beginning
            beginning = True
            begun = _Stream(*_rate_and_skip(page.begin), page.number, ended=bool(page.flags & _LAST))
            contents.streams.append(begun)
            open_streams[page.serial] = begun
            continue
        beginning = False
        if page.serial in open_streams:
            open_streams[page.serial].add(page)
        else:
            contents.junk += page.end - page.start  # its stream never began
    return contents


def _pages(stream: BinaryIO, size: int, contents: _Contents) -> Iterator[_Page]:
    """Yield the whole pages with a right checksum; the rest goes into `contents`."""
    position = 0
    while position < size:
        data = read_at(stream, position, _LARGEST_PAGE)
        page = _parse(data, position)
        if page is not None and page.end <= size and _checksum_is_right(data[: page.end - position]):
            yield page
            position = page.end
            continue
        following = _next_page(stream, position + 1, size)
        if page is None:
            end = size if following is None else following
            contents.junk += unexplained_bytes(stream, position, end)
        elif page.end > size and following is None:
            contents.cut = page
        else:
            contents.damaged += (size if following is None else following) - position
        position = size if following is None else following


def _next_page(stream: BinaryIO, position: int, size: int) -> int | None:
    while position < size:
        found = read_at(stream, position, _LARGEST_PAGE).find(b"OggS")
        if found >= 0:
            return position + found
        position += _LARGEST_PAGE - 3
    return None


def _parse(data: bytes, start: int) -> _Page | None:
    """Read a page's header; of one that is cut off, as far as it goes."""
    if data[:4] != b"OggS"[: len(data)]:
        return None
    whole = data[:_HEADER].ljust(_HEADER, b"\0")
    segments = whole[26]
    length = _HEADER + segments + sum(data[_HEADER : _HEADER + segments])
    if len(data) < _HEADER + segments:
        length = max(length, len(data) + 1)
    return _Page(
        start,
        start + length,
        whole[5] if len(data) >= 14 else 0,
        int.from_bytes(whole[6:14], "little", signed=True),
        whole[14:18],
        int.from_bytes(whole[18:22], "little"),
        data[_HEADER + segments : _HEADER + segments + 64],
    )


def _checksum_is_right(page: bytes) -> bool:
    """Check a page's CRC: zlib's polynomial, but the other way round, from 0 and not inverted."""
    zeroed = page[:22] + bytes(4) + page[26:]
    value = zlib.crc32(zeroed.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return value.to_bytes(4, "big").translate(_REVERSED) == page[22:26]


def _rate_and_skip(packet: bytes) -> tuple[int, int]:
    """Return the rate of a stream's positions and what its decoder drops first; 0, 0 if it is no sound."""
    if packet.startswith(b"\x01vorbis"):
        return int.from_bytes(packet[12:16], "little"), 0
    if packet.startswith(b"OpusHead"):
        return 48000, int.from_bytes(packet[10:12], "little")
    if packet.startswith(b"\x7fFLAC"):
        return int.from_bytes(packet[27:30], "big") >> 4, 0
    if packet.startswith(b"Speex   "):
        return int.from_bytes(packet[36:40], "little"), 0
    return 0, 0
