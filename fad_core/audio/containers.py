"""Whether a file holds all the sound that its header promises.

Decoders read a file that was cut short by a broken copy or download as if it had been made that
way, only shorter. Most containers state how much sound there is, so the cut can be seen:

* WAV (RIFF, RIFX, RF64), WAVE64, AIFF, IFF/8SVX and CAF keep it in a chunk with a size;
* AU and NIST SPHERE state the size in the header;
* Ogg (Vorbis, Opus) marks the last page of each stream.

MPEG audio has its own module, `fad_core.audio.mpeg`. Only the sound itself is judged: junk after it, odd
chunks and a wrong overall size do no harm. A size of 0 or of nearly 2 or 4 GiB is what programs
write that cannot go back to the header (pipes, recorders); then the true size is unknown.

Formats: Microsoft/IBM RIFF 1991, EBU Tech 3306 (RF64), Sony Wave64, Apple AIFF 1.3 and CAF 1.0, RFC 3533
(Ogg), NIST SPHERE.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

_OGG_FIRST, _OGG_LAST = 0x02, 0x04


@dataclass(frozen=True)
class _Chunks:
    """How a container lays out its chunks.

    Attributes:
        start: offset of the first chunk.
        name: bytes of a chunk's name.
        size: struct format of a chunk's size.
        align: chunks begin at multiples of this.
        inclusive: the size counts the chunk's own header.
        sound: the name of the chunk with the sound.
    """

    start: int
    name: int
    size: str
    align: int
    inclusive: bool
    sound: bytes


def missing_sound(stream: BinaryIO) -> str | None:
    """Say how a container falls short of the sound it promises.

    Args:
        stream: the file, open for reading in binary; its position is moved.

    Returns:
        One line that says what is missing, or None if nothing is seen to be missing (which is also
        the answer for containers that this module does not know).
    """
    size = stream.seek(0, os.SEEK_END)
    head = _read(stream, 0, 40)
    if head[:4] == b"OggS":
        return _missing_ogg(stream, size)
    if head[:4] in (b".snd", b"dns."):
        order = ">" if head[:4] == b".snd" else "<"
        offset, length = struct.unpack(order + "II", head[4:12].ljust(8, b"\0"))
        return _missing_bytes(size, offset, length)
    if head[:7] == b"NIST_1A":
        return _missing_sphere(stream, size)
    chunks = _chunk_layout(head)
    return _missing_chunk(stream, size, chunks) if chunks else None


def _chunk_layout(head: bytes) -> _Chunks | None:
    kind = head[8:12]
    if head[:4] in (b"RIFF", b"RF64") and kind == b"WAVE":
        return _Chunks(12, 4, "<I", 2, False, b"data")
    if head[:4] == b"RIFX" and kind == b"WAVE":
        return _Chunks(12, 4, ">I", 2, False, b"data")
    if head[:4] == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return _Chunks(12, 4, ">I", 2, False, b"SSND")
    if head[:4] == b"FORM" and kind in (b"8SVX", b"16SV"):
        return _Chunks(12, 4, ">I", 2, False, b"BODY")
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return _Chunks(40, 16, "<Q", 8, True, b"data")
    if head[:4] == b"caff":
        return _Chunks(8, 4, ">Q", 1, False, b"data")
    return None


def _missing_chunk(stream: BinaryIO, size: int, chunks: _Chunks) -> str | None:
    position, long_length = chunks.start, None
    header = chunks.name + struct.calcsize(chunks.size)
    while position + header <= size:
        raw = _read(stream, position, header)
        (length,) = struct.unpack(chunks.size, raw[chunks.name :])
        length -= header if chunks.inclusive else 0
        if length < 0:
            return None
        if raw[:4] == b"ds64":  # RF64 keeps the true size of a sound above 4 GiB here
            (long_length,) = struct.unpack("<Q", _read(stream, position + header + 8, 8).ljust(8, b"\0"))
        if raw[:4] == chunks.sound:
            if length == 0xFFFFFFFF and long_length is not None:
                length = long_length
            return _missing_bytes(size, position + header, length)
        position += header + length
        position += -position % chunks.align
    return None


def _missing_bytes(size: int, start: int, declared: int) -> str | None:
    present = max(0, size - start)
    if present >= declared or _is_placeholder(declared):
        return None
    return f"cut short: its header promises {declared} bytes of sound, {present} are there"


def _is_placeholder(declared: int) -> bool:
    """Whether a size is one that a program writes when it does not know the size yet.

    ffmpeg writes all ones, SoX 0x7ffff000 (WAV) and 0x7f000000 (AIFF), arecord 0x80000000, each
    give or take a header or an incomplete sample.
    """
    return (
        declared == 0
        or 0x7EFFFF00 <= declared <= 0x80000000
        or 0xFFFFFF00 <= declared <= 0xFFFFFFFF
        or declared >= 1 << 63
    )


def _missing_sphere(stream: BinaryIO, size: int) -> str | None:
    lines = _read(stream, 0, 1024).decode("ascii", "replace").split("\n")
    fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    try:
        start = int(lines[1])
        bytes_a_frame = int(fields["channel_count"]) * int(fields["sample_n_bytes"])
        declared = int(fields["sample_count"]) * bytes_a_frame
    except (KeyError, ValueError, IndexError):
        return None
    return _missing_bytes(size, start, declared)


def _missing_ogg(stream: BinaryIO, size: int) -> str | None:
    """Walk the pages; each stream that begins has to end (RFC 3533, section 6)."""
    position = 0
    unfinished: set[bytes] = set()
    while position < size:
        head = _read(stream, position, 27)
        if head[:4] != b"OggS":
            if unfinished:
                return f"cut short or damaged: no Ogg page at byte {position}, where one should be"
            return None  # something else follows the sound, say a tag
        if len(head) < 27:
            break
        serial, segments = head[14:18], head[26]
        lengths = _read(stream, position + 27, segments)
        position += 27 + segments + sum(lengths)
        if len(lengths) < segments or position > size:
            return "cut short: its last Ogg page is incomplete"
        if head[5] & _OGG_FIRST:
            unfinished.add(serial)
        if head[5] & _OGG_LAST:
            unfinished.discard(serial)
    return "cut short: the Ogg page that ends the stream is missing" if unfinished else None


def _read(stream: BinaryIO, position: int, count: int) -> bytes:
    stream.seek(position)
    return stream.read(count)
