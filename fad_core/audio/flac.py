"""Whether a FLAC file goes on after the count of samples that its header states.

libsndfile refuses a stream that is damaged, cut short or followed by anything else, but stops without a word
at the count of samples in STREAMINFO. The number of the last frame tells how many there are.

Format: RFC 9639.
"""

from __future__ import annotations

from typing import BinaryIO

from fad_core.audio.losses import Decoded, Loss, read_at

_LARGEST_FRAME = 1 << 21  # bytes: 65535 samples in eight channels of 32 bits


def flac_losses(stream: BinaryIO, base: int, size: int, decoded: Decoded) -> list[Loss]:
    """Find whether frames follow that libsndfile did not decode.

    Args:
        stream: the file.
        base: offset of the marker "fLaC".
        size: of the file in bytes.
        decoded: what libsndfile made of it.
    """
    info = read_at(stream, base + 8, 34)
    first = _first_frame(stream, base)
    largest = min(int.from_bytes(info[7:10], "big") or 1 << 17, _LARGEST_FRAME)
    length = 2 * largest + 128  # two whole frames or more
    tail = read_at(stream, max(first, size - length), length)
    frames = _frames(tail, read_at(stream, first, 4), info)
    ends = {0, *(end for _, end in frames)}
    # Bytes within a frame may look like a header, but hardly like one that goes on where another frame ends.
    total = max((end for start, end in frames if start in ends), default=0)
    if total <= decoded.frames:
        return []
    text = f"its header promises {decoded.seconds:.3f} s, its frames hold {total / decoded.sample_rate:.3f} s"
    return [Loss((total - decoded.frames) / decoded.sample_rate, text, "ignored")]


def _first_frame(stream: BinaryIO, base: int) -> int:
    position, last = base + 4, False
    while not last and len(head := read_at(stream, position, 4)) == 4:
        last = bool(head[0] & 0x80)
        position += 4 + int.from_bytes(head[1:], "big")
    return position


def _frames(data: bytes, first: bytes, info: bytes) -> list[tuple[int, int]]:
    """Return the samples at which each frame begins and ends whose header stands in a part of the file."""
    blocksize = int.from_bytes(info[2:4], "big")
    found = []
    at = data.find(first[:2])
    while at >= 0:
        header = data[at : at + 16]
        if len(header) > 5 and not (header[2] ^ first[2]) & 0x0F and not (header[3] ^ first[3]) & 0x0F:
            frame = _frame(header, blocksize)
            if frame is not None:
                found.append(frame)
        at = data.find(first[:2], at + 1)
    return found


def _frame(header: bytes, blocksize: int) -> tuple[int, int] | None:
    """Return the samples at which a frame begins and ends, None if these bytes are no header of a frame."""
    lead = header[4]
    count = 1 if lead < 0x80 else 8 - (lead ^ 0xFF).bit_length()  # bytes of a number coded as in UTF-8
    at = 4 + count
    if (count == 1 and lead >= 0x80) or len(header) < at + 5:
        return None
    number = lead & (0x7F if count == 1 else 0x7F >> count)
    for byte in header[5:at]:
        number = number << 6 | byte & 0x3F
    code, rate = header[2] >> 4, header[2] & 0x0F
    extra = {6: 1, 7: 2}.get(code, 0)
    if extra:
        length = 1 + int.from_bytes(header[at : at + extra], "big")
    else:
        length = 192 if code == 1 else 576 << (code - 2) if 2 <= code <= 5 else 256 << (code - 8)
    at += extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if code == 0 or at >= len(header) or _crc8(header[:at]) != header[at]:
        return None
    start = number if header[1] & 1 else number * blocksize
    return start, start + length


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return value
