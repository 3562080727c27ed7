"""FLAC: find frames after the count of samples that the header of a file states.

libsndfile refuses a stream that is damaged, cut short or followed by anything else, but stops without an
error at the count of samples in STREAMINFO. The number of the last frame gives the true count.

Format: RFC 9639.
"""

from __future__ import annotations

from collections.abc import Iterator

from fad_core.audio.losses import DecodedFile, Loss, length_losses

_LARGEST_FRAME = 1 << 21  # bytes: 65535 samples in eight channels of 32 bits


def flac_losses(file: DecodedFile, base: int) -> list[Loss]:
    """Find frames that libsndfile did not decode.

    Args:
        file: the file.
        base: offset of the marker "fLaC".
    """
    info = file.read(base + 8, 34)
    first, last = base + 4, False
    while not last and len(head := file.read(first, 4)) == 4:
        last = bool(head[0] & 0x80)
        first += 4 + int.from_bytes(head[1:], "big")
    largest = min(int.from_bytes(info[7:10], "big") or 1 << 17, _LARGEST_FRAME)
    length = 2 * largest + 128  # two whole frames or more
    tail = file.read(max(first, file.size - length), length)
    frames = list(_frames(tail, file.read(first, 4), int.from_bytes(info[2:4], "big")))
    ends = {0, *(end for _, end in frames)}
    # Bytes within a frame may look like a header, but rarely like one that starts where another frame ends.
    total = max((end for start, end in frames if start in ends), default=0)
    if total <= file.frames:
        return []
    rate = file.sample_rate
    return length_losses(file.seconds, total / rate, (file.frames - total) / rate, "ignored")


def _frames(data: bytes, first: bytes, blocksize: int) -> Iterator[tuple[int, int]]:
    """Yield the first sample of each frame in a part of the file, and the one after its last.

    Args:
        data: the part of the file.
        first: the first four bytes of the first frame.
        blocksize: samples in a frame, if all frames have the same number.
    """
    at = -1
    while (at := data.find(first[:2], at + 1)) >= 0:
        header = data[at : at + 16]
        # The sample rate's code and the sample size are the same in all frames.
        if len(header) < 6 or (header[2] ^ first[2]) & 0x0F or (header[3] ^ first[3]) & 0x0F:
            continue
        # A number coded as in UTF-8: that of the frame or, if frames differ in length, of its first sample.
        lead = header[4]
        count = 1 if lead < 0x80 else 8 - (lead ^ 0xFF).bit_length()
        number = lead & (0x7F if lead < 0x80 else 0x7F >> count)
        for byte in header[5 : 4 + count]:
            number = number << 6 | byte & 0x3F
        code, end = header[2] >> 4, 4 + count
        stated = {6: 1, 7: 2}.get(code, 0)  # bytes of the frame's length, if the code does not give it
        if stated:
            length = 1 + int.from_bytes(header[end : end + stated], "big")
        else:
            length = 192 if code == 1 else 576 << (code - 2) if 2 <= code <= 5 else 256 << max(0, code - 8)
        end += stated + {12: 1, 13: 2, 14: 2}.get(first[2] & 0x0F, 0)  # bytes of the sample rate
        if code == 0 or lead >> 6 == 2 or end >= len(header) or _crc8(header[:end]) != header[end]:
            continue
        start = number if header[1] & 1 else number * blocksize
        yield start, start + length


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return value
