"""Tags and padding: what may stand around the sound in a file without being sound.

Formats: ID3v1, ID3v2 (also appended), APEv1 and APEv2, Lyrics3 v1 and v2; zeros up to the length of a block
of a medium.
"""

from __future__ import annotations

from typing import BinaryIO

from fad_core.audio.losses import read_at

# Zeros that fill up a sector, a cluster or a block of a medium are padding; more may have been silence.
_LONGEST_PADDING = 1 << 16
_LONGEST_LYRICS = 5120


def id3v2_end(stream: BinaryIO, position: int) -> int:
    """Return where the ID3v2 tags end that begin at an offset; that offset if there is none."""
    while (tag := read_at(stream, position, 10))[:3] == b"ID3" and len(tag) == 10:
        position += 10 + _synchsafe(tag[6:]) + (10 if tag[5] & 0x10 else 0)
    return position


def tags_start(stream: BinaryIO, start: int, end: int) -> int:
    """Return where the tags begin that end at an offset, but not before `start`."""
    while 0 < (length := _last_tag(stream, start, end)) <= end - start:
        end -= length
    return end


def sound_end(stream: BinaryIO, start: int, stated: int | None, size: int) -> int:
    """Return where the sound ends that begins at an offset.

    Args:
        stream: the file.
        start: offset of the sound.
        stated: bytes of sound as the header states them; None if it does not know.
        size: of the file in bytes.
    """
    return tags_start(stream, start, size) if stated is None else min(start + stated, size)


def unexplained_bytes(stream: BinaryIO, start: int, end: int) -> int:
    """Count the bytes of a part of a file that are neither tags nor padding.

    Args:
        stream: the file.
        start: offset of the part.
        end: offset behind it.
    """
    start = min(id3v2_end(stream, start), end)
    end = tags_start(stream, start, end)
    if end - start <= _LONGEST_PADDING and not read_at(stream, start, end - start).strip(b"\0"):
        return 0
    return max(0, end - start)


def _last_tag(stream: BinaryIO, start: int, end: int) -> int:
    """Return the length of the tag that ends at an offset, 0 if there is none."""
    first = max(start, end - _LONGEST_LYRICS)
    tail = read_at(stream, first, end - first)
    if tail[-128:-125] == b"TAG":
        return 128
    if tail[-32:-24] == b"APETAGEX":
        return int.from_bytes(tail[-20:-16], "little") + (32 if tail[-9] & 0x80 else 0)
    if tail.endswith(b"LYRICS200") and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    if tail.endswith(b"LYRICSEND") and (begin := tail.rfind(b"LYRICSBEGIN")) >= 0:
        return len(tail) - begin
    return 20 + _synchsafe(tail[-4:]) if tail[-10:-7] == b"3DI" else 0


def _synchsafe(size: bytes) -> int:
    """Decode the size of an ID3v2 tag: four bytes of seven bits."""
    return size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]
