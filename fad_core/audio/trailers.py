"""What may follow the sound in a file without being sound: tags and padding.

Formats: ID3v1, ID3v2 (also appended), APEv1 and APEv2, Lyrics3 v1 and v2; zeros up to the length of a block
of a medium.
"""

from __future__ import annotations

from typing import BinaryIO

from fad_core.audio.losses import read_at

# Zeros that fill up a sector, a cluster or a block of a medium are padding; more may have been silence.
_LONGEST_PADDING = 1 << 16


def id3v2_end(stream: BinaryIO, position: int) -> int:
    """Return where the ID3v2 tags end that begin at an offset; that offset if there is none."""
    while (tag := read_at(stream, position, 10))[:3] == b"ID3" and len(tag) == 10:
        position += 10 + sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
        position += 10 if tag[5] & 0x10 else 0
    return position


def tags_start(stream: BinaryIO, start: int, end: int) -> int:
    """Return where the tags begin that end at an offset, but not before `start`."""
    while (before := end - _last_tag(stream, start, end)) < end:
        end = before
    return end


def length_before_tags(stream: BinaryIO, start: int, end: int) -> int | None:
    """Return the bytes between an offset and the tags at the end of a file; None if it has no tags."""
    before = tags_start(stream, start, end)
    return before - start if before < end else None


def unexplained_bytes(stream: BinaryIO, start: int, end: int) -> int:
    """Count the bytes of a part of a file that are neither tags nor padding.

    Args:
        stream: the file.
        start: offset where the sound has ended.
        end: offset where the file, or what belongs to the container, ends.
    """
    start = min(id3v2_end(stream, start), end)
    end = tags_start(stream, start, end)
    if end - start <= _LONGEST_PADDING and not read_at(stream, start, end - start).strip(b"\0"):
        return 0
    return max(0, end - start)


def _last_tag(stream: BinaryIO, start: int, end: int) -> int:
    """Return the length of the tag that ends at an offset, 0 if there is none."""
    tail = read_at(stream, max(start, end - 128), min(128, end - start))
    length = 0
    if tail[-128:].startswith(b"TAG") and len(tail) == 128:
        length = 128
    elif tail[-32:].startswith(b"APETAGEX") and len(tail) >= 32:
        footer = tail[-32:]
        length = int.from_bytes(footer[12:16], "little") + (32 if footer[23] & 0x80 else 0)
    elif tail.endswith(b"LYRICS200") and tail[-15:-9].isdigit():
        length = int(tail[-15:-9]) + 15
    elif tail.endswith(b"LYRICSEND"):
        found = read_at(stream, max(start, end - 5120), min(5120, end - start)).rfind(b"LYRICSBEGIN")
        length = min(5120, end - start) - found if found >= 0 else 0
    elif tail[-10:].startswith(b"3DI") and len(tail) >= 10:
        length = 20 + sum(byte << shift for byte, shift in zip(tail[-4:], (21, 14, 7, 0), strict=True))
    return length if length <= end - start else 0
