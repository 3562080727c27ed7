"""Tags and padding: data before and after the audio of a file that is not audio.

Formats: ID3v1, ID3v2 (also appended), APEv1 and APEv2, Lyrics3 v1 and v2; zeros up to the length of a block
of a medium.
"""

from __future__ import annotations

from fad_core.audio.losses import DecodedFile

# Zeros that fill a sector, a cluster or a block of a medium are padding; more may be silence.
_LONGEST_PADDING = 1 << 16
_LONGEST_LYRICS = 5120


def id3v2_end(file: DecodedFile, position: int) -> int:
    """Return the end of the ID3v2 tags that begin at an offset; that offset if there is none."""
    while (tag := file.read(position, 10))[:3] == b"ID3" and len(tag) == 10:
        position += 10 + _synchsafe(tag[6:]) + (10 if tag[5] & 0x10 else 0)
    return position


def tags_start(file: DecodedFile, start: int, end: int) -> int:
    """Return the beginning of the tags that end at an offset, but not before `start`."""
    while 0 < (length := _last_tag(file, start, end)) <= end - start:
        end -= length
    return end


def sound_end(file: DecodedFile, start: int, stated: int | None) -> int:
    """Return the end of the audio that begins at an offset.

    Args:
        file: the file.
        start: offset of the audio.
        stated: bytes of audio that the header states; None if it states no size.
    """
    return tags_start(file, start, file.size) if stated is None else min(start + stated, file.size)


def unexplained_bytes(file: DecodedFile, start: int, end: int) -> int:
    """Count the bytes of a part of a file that are neither tags nor padding.

    Args:
        file: the file.
        start: offset of the part.
        end: offset of its end.
    """
    start = min(id3v2_end(file, start), end)
    end = tags_start(file, start, end)
    if end - start <= _LONGEST_PADDING and not file.read(start, end - start).strip(b"\0"):
        return 0
    return max(0, end - start)


def _last_tag(file: DecodedFile, start: int, end: int) -> int:
    """Return the length of the tag that ends at an offset, 0 if there is none."""
    first = max(start, end - _LONGEST_LYRICS)
    tail = file.read(first, end - first)
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
