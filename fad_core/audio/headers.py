"""Containers with a plain header that states how much sound follows.

AU, NIST SPHERE, AVR, Psion WVE, FastTracker XI, Akai MPC 2000, Creative VOC, MIDI sample dumps (SDS) and
Matlab 4 and 5. Their layouts are those that libsndfile reads. IRCAM, PAF and PVF state no length, and
HTK's is checked by libsndfile.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import BinaryIO

from fad_core.audio.extents import Extent, losses_of, promised_bytes
from fad_core.audio.losses import Decoded, Loss, read_at
from fad_core.audio.trailers import length_before_tags, unexplained_bytes

_PACKET_BYTES = 127  # of a MIDI sample dump
# Where the sound begins, and how many bytes or None; then, where it is not the coding's, bits a sample.
_Found = tuple[int, int | None, float | None]


def header_losses(stream: BinaryIO, base: int, size: int, decoded: Decoded) -> list[Loss]:
    """Find what such a file lacks, ignores or has too much; nothing if its header states no length.

    Args:
        stream: the file.
        base: offset where the container begins.
        size: of the file in bytes.
        decoded: what libsndfile made of it.
    """
    reader = _READERS.get(decoded.format)
    if reader is None:
        return []
    try:
        found = reader(stream, base, decoded)
    except (struct.error, ValueError, IndexError, KeyError):
        found = None
    if found is None:
        return [Loss(math.inf, "its header cannot be followed", "missing")]
    start, promised, bits = found
    # libsndfile decodes what stands behind the sound in some of them, tags and padding too.
    if promised is None:
        promised = length_before_tags(stream, start, size)
    beyond = 0 if promised is None else unexplained_bytes(stream, min(start + promised, size), size)
    if decoded.subtype.startswith("G72") and promised is not None:
        beyond = max(0, size - start - promised)
    return losses_of(Extent(start, promised, size, beyond, bits), decoded)


def _au(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    head = read_at(stream, base, 12)
    offset, length = struct.unpack(">II" if head[:4] == b".snd" else "<II", head[4:])
    return base + offset, promised_bytes(length), None


def _sphere(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    lines = read_at(stream, base, 1024).decode("ascii", "replace").split("\n")
    fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    frame = int(fields["channel_count"]) * int(fields["sample_n_bytes"])
    return base + int(lines[1]), promised_bytes(int(fields["sample_count"]) * frame), None


def _avr(stream: BinaryIO, base: int, decoded: Decoded) -> _Found:
    (frames,) = struct.unpack(">I", read_at(stream, base + 26, 4))
    frame = decoded.channels * (2 if decoded.subtype == "PCM_16" else 1)
    return base + 128, promised_bytes(frames * frame), None


def _wve(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    (length,) = struct.unpack(">I", read_at(stream, base + 18, 4))
    return base + 32, promised_bytes(length), None


def _xi(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    (length,) = struct.unpack("<I", read_at(stream, base + 298, 4))
    return base + 338, promised_bytes(length), None


def _mpc(stream: BinaryIO, base: int, decoded: Decoded) -> _Found:
    (frames,) = struct.unpack("<I", read_at(stream, base + 30, 4))
    return base + 42, promised_bytes(frames * 2 * decoded.channels), None


def _voc(stream: BinaryIO, base: int, decoded: Decoded) -> _Found | None:
    """Read the first block with sound: type 1 (8 bits) or 9 (any)."""
    position = base + int.from_bytes(read_at(stream, base + 20, 2), "little")
    while (head := read_at(stream, position, 4))[:1] not in (b"", b"\0"):
        kind, length = head[0], int.from_bytes(head[1:], "little")
        if prefix := {1: 2, 9: 12}.get(kind):
            start, promised = position + 4 + prefix, length - prefix
            # SoX states 8 bytes too few in a block of type 9; a 0 marks the end of the blocks.
            if kind == 9 and read_at(stream, start + promised, 10)[8:] == b"\0":
                promised += 8
            # libsndfile takes that mark for a sample of 8 bits.
            if decoded.frames * decoded.channels == promised + 1:
                promised += 1
            return start, promised_bytes(promised), None
        position += 4 + length
    return None


def _sds(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    head = read_at(stream, base, 21)
    frames = head[10] | head[11] << 7 | head[12] << 14
    packet = 60 if head[6] <= 14 else 40 if head[6] <= 21 else 30
    return base + 21, -(-frames // packet) * _PACKET_BYTES, 8 * _PACKET_BYTES / packet


def _mat4(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    """Read two matrices: the sample rate, then the sound."""
    order = "<" if read_at(stream, base, 4)[2:] == b"\0\0" else ">"
    _, rows, columns, _, name = struct.unpack(f"{order}5I", read_at(stream, base, 20))
    second = base + 20 + name + 8 * rows * columns
    kind, rows, columns, _, name = struct.unpack(f"{order}5I", read_at(stream, second, 20))
    width = (8, 4, 4, 2, 2, 1)[kind % 100 // 10]
    return second + 20 + name, rows * columns * width, None


def _mat5(stream: BinaryIO, base: int, _decoded: Decoded) -> _Found:
    """Read matrices (elements of type 14) up to the last one: its real part is the sound."""
    order = "<" if read_at(stream, base + 126, 2) == b"IM" else ">"
    position = base + 128
    for _ in range(2):
        kind, length = struct.unpack(f"{order}2I", read_at(stream, position, 8))
        if kind != 14:
            raise ValueError("no matrix")
        matrix, position = position + 8, position + 8 + length
    part = matrix
    for _ in range(3):  # flags, dimensions, name
        part = _element_end(stream, part, order)
    (length,) = struct.unpack(f"{order}I", read_at(stream, part + 4, 4))
    return part + 8, length, None


def _element_end(stream: BinaryIO, position: int, order: str) -> int:
    kind, length = struct.unpack(f"{order}2I", read_at(stream, position, 8))
    return position + 8 if kind >> 16 else position + 8 + length + -length % 8


_READERS: dict[str, Callable[[BinaryIO, int, Decoded], _Found | None]] = {
    "AU": _au,
    "NIST": _sphere,
    "AVR": _avr,
    "WVE": _wve,
    "XI": _xi,
    "MPC2K": _mpc,
    "VOC": _voc,
    "SDS": _sds,
    "MAT4": _mat4,
    "MAT5": _mat5,
}
