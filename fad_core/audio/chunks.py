"""Containers that are rows of chunks: WAV (RIFF, RIFX, RF64), WAVE64, AIFF, IFF/8SVX and CAF.

The chunk with the sound states its size. What follows it is no sound if it is a chunk, a tag or padding.

Formats: Microsoft/IBM RIFF 1991, EBU Tech 3306 (RF64), Sony Wave64, Apple AIFF 1.3 and CAF 1.0.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from fad_core.audio.extents import Extent, losses_of, promised_bytes
from fad_core.audio.losses import Decoded, Loss, read_at
from fad_core.audio.mpeg import mpeg_losses
from fad_core.audio.trailers import length_before_tags, unexplained_bytes

# Chunks that hold sound, or another file with sound: none of them belongs behind the first one.
_SOUNDS = (b"data", b"SSND", b"BODY", b"wavl", b"RIFF", b"RIFX", b"RF64", b"FORM", b"riff", b"caff")
# Chunks that are known not to hold sound, even if they are cut short.
_OTHERS = tuple(
    (
        b"LIST,INFO,id3 ,ID3 ,fact,cue ,bext,iXML,PEAK,smpl,inst,plst,note,labl,ltxt,afsp,"
        b"_PMX,JUNK,junk,PAD ,FLLR,cart,acid,strc,umid,chna,axml,levl,DISP,minf,elm1,regn,"
        b"COMM,MARK,INST,COMT,NAME,AUTH,(c) ,ANNO,APPL,SAXL,MIDI,AESD,CHAN,free,pakt,info"
    ).split(b",")
)


@dataclass(frozen=True)
class _Layout:
    """How a container lays out its chunks.

    Attributes:
        start: offset of the first chunk.
        name: bytes of a chunk's name.
        size: struct format of a chunk's size.
        align: chunks begin at multiples of this.
        inclusive: the size counts the chunk's own header.
        sound: the name of the chunk with the sound.
        prefix: bytes in that chunk before the sound.
    """

    start: int
    name: int
    size: str
    align: int
    inclusive: bool
    sound: bytes
    prefix: int = 0

    @property
    def header(self) -> int:
        """Bytes of a chunk's header."""
        return self.name + struct.calcsize(self.size)


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    start: int  # offset of its content
    length: int  # of its content in bytes, as it states it


def chunk_losses(stream: BinaryIO, base: int, size: int, decoded: Decoded) -> list[Loss]:
    """Find what such a file lacks, ignores or has too much.

    Args:
        stream: the file.
        base: offset where the container begins.
        size: of the file in bytes.
        decoded: what libsndfile made of it.
    """
    layout = _layout(read_at(stream, base, 40))
    chunks = list(_walk(stream, layout, base, size)) if layout else []
    sound = next((chunk for chunk in chunks if layout and chunk.name[:4] == layout.sound), None)
    if layout is None or sound is None:
        text = "its chunks cannot be followed"
        return [Loss(math.inf, text, "missing")]
    prefix = layout.prefix
    if sound.name == b"SSND":
        prefix += int.from_bytes(read_at(stream, sound.start, 4), "big")
    length = _true_length(stream, chunks, sound)
    promised = promised_bytes(length) if length != prefix else None
    if promised is None and length > prefix and _ends_well(stream, layout, sound.start + length, size):
        promised = length  # true, though it is like those that programs write when they do not know it
    if promised is None:
        promised = length_before_tags(stream, sound.start + prefix, size)
    else:
        promised = max(0, promised - prefix)
        if layout.sound == b"BODY" and promised % 2 and decoded.frames == promised + 1:
            promised += 1  # libsndfile takes the padding of an 8SVX file for a sample
    beyond = 0 if promised is None else _beyond(stream, layout, chunks, sound.start + length, size)
    start = sound.start + prefix
    losses = losses_of(Extent(start, promised, size, beyond), decoded)
    if decoded.subtype.startswith("MPEG"):
        end = size if promised is None else min(size, start + promised)
        return losses + mpeg_losses(stream, end, decoded, start)
    # A packet of ALAC that is cut is lost whole: its samples count, not its bytes.
    counted = [] if promised is None else _count_losses(stream, chunks, decoded)
    blocks = _block_losses(stream, layout, chunks, decoded, size - start if promised is None else promised)
    return max(losses, counted, blocks, key=lambda found: sum(loss.seconds for loss in found))


def _layout(head: bytes) -> _Layout | None:
    kind = head[8:12]
    if head[:4] in (b"RIFF", b"RF64") and kind == b"WAVE":
        return _Layout(12, 4, "<I", 2, False, b"data")
    if head[:4] == b"RIFX" and kind == b"WAVE":
        return _Layout(12, 4, ">I", 2, False, b"data")
    if head[:4] == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return _Layout(12, 4, ">I", 2, False, b"SSND", 8)
    if head[:4] == b"FORM" and kind in (b"8SVX", b"16SV"):
        return _Layout(12, 4, ">I", 2, False, b"BODY")
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return _Layout(40, 16, "<Q", 8, True, b"data")
    if head[:4] == b"caff":
        return _Layout(8, 4, ">Q", 1, False, b"data", 4)
    return None


def _walk(stream: BinaryIO, layout: _Layout, base: int, size: int) -> Iterator[_Chunk]:
    """Walk the chunks up to the first that does not fit into the file, which is given too if it is known."""
    position = base + layout.start
    true_length: int | None = None
    while (chunk := _chunk_at(stream, layout, position)) is not None:
        fits = chunk.start + chunk.length <= size
        if fits or chunk.name[:4] in (layout.sound, *_OTHERS):
            yield chunk
        if chunk.name == b"ds64":
            true_length = int.from_bytes(read_at(stream, chunk.start + 8, 8), "little")
        length = chunk.length
        if chunk.name == b"data" and length == 0xFFFFFFFF and true_length is not None:
            length = true_length
            fits = chunk.start + length <= size
        if not fits:
            return
        end = chunk.start + length
        position = end + -(end - base) % layout.align
        if position != end and not _is_chunk(stream, layout, position, size):
            position = end if _is_chunk(stream, layout, end, size) else position


def _chunk_at(stream: BinaryIO, layout: _Layout, position: int) -> _Chunk | None:
    raw = read_at(stream, position, layout.header)
    if len(raw) < layout.header:
        return None
    (length,) = struct.unpack(layout.size, raw[layout.name :])
    length -= layout.header if layout.inclusive else 0
    # A GUID may hold any bytes, but only some 64-bit sizes fit into a file.
    printable = layout.name == 16 or all(32 <= byte < 127 for byte in raw[:4])
    return _Chunk(raw[: layout.name], position + layout.header, length) if printable and length >= 0 else None


def _is_chunk(stream: BinaryIO, layout: _Layout, position: int, size: int) -> bool:
    chunk = _chunk_at(stream, layout, position)
    return chunk is not None and chunk.start + chunk.length <= size


def _ends_well(stream: BinaryIO, layout: _Layout, end: int, size: int) -> bool:
    """Return whether the file ends at an offset, or a chunk begins there."""
    padded = end + -end % layout.align
    return end <= size and any(at >= size or _is_chunk(stream, layout, at, size) for at in (end, padded))


def _true_length(stream: BinaryIO, chunks: list[_Chunk], sound: _Chunk) -> int:
    """Return the size of the sound's chunk; RF64 keeps one above 4 GiB in a chunk of its own."""
    ds64 = next((chunk for chunk in chunks if chunk.name == b"ds64"), None)
    if ds64 is None or sound.length != 0xFFFFFFFF:
        return sound.length
    return int.from_bytes(read_at(stream, ds64.start + 8, 8), "little")


def _beyond(stream: BinaryIO, layout: _Layout, chunks: list[_Chunk], end: int, size: int) -> int:
    """Count the bytes after the sound that may be sound."""
    later = [chunk for chunk in chunks if chunk.start > end]
    sounds = sum(min(chunk.length, size - chunk.start) for chunk in later if chunk.name[:4] in _SOUNDS)
    last = max((chunk.start + chunk.length for chunk in later), default=end)
    if layout.align == 8:  # libsndfile decodes what stands behind the sound of a W64 file, tags too
        return sounds + max(0, size - last - -last % 8)
    return sounds + unexplained_bytes(stream, min(last, size), size)


def _count_losses(stream: BinaryIO, chunks: list[_Chunk], decoded: Decoded) -> list[Loss]:
    """Compare the count of samples that AIFF and CAF state beside the size of the sound."""
    for chunk in chunks:
        if chunk.name == b"COMM" and decoded.subtype.startswith(("PCM", "FLOAT", "DOUBLE")):
            stated = int.from_bytes(read_at(stream, chunk.start + 2, 4), "big")
        elif chunk.name == b"pakt":
            stated = int.from_bytes(read_at(stream, chunk.start + 8, 8), "big")
        else:
            continue
        if promised_bytes(stated) is None or stated == decoded.frames:
            continue
        cut = "cut short: " if stated > decoded.frames else ""
        seconds = stated / decoded.sample_rate
        text = f"{cut}its header promises {seconds:.3f} s, {decoded.seconds:.3f} s are there"
        kind: Literal["missing", "surplus"] = "missing" if stated > decoded.frames else "surplus"
        return [Loss(abs(stated - decoded.frames) / decoded.sample_rate, text, kind)]
    return []


def _block_losses(
    stream: BinaryIO, layout: _Layout, chunks: list[_Chunk], decoded: Decoded, length: int
) -> list[Loss]:
    """Find a last block, of a coding by blocks, that libsndfile drops because it is not complete."""
    form = next((chunk for chunk in chunks if chunk.name[:4] == b"fmt "), None)
    if form is None or decoded.subtype not in ("IMA_ADPCM", "MS_ADPCM", "GSM610"):
        return []
    content = read_at(stream, form.start, 20).ljust(20, b"\0")
    align, samples = (struct.unpack_from(layout.size[0] + "H", content, at)[0] for at in (12, 18))
    lost = -(-length // max(1, align)) * samples - decoded.frames
    if not 0 < lost <= samples:
        return []
    return [Loss(lost / decoded.sample_rate, "the last block of its sound is incomplete", "missing")]
