"""Containers that are sequences of chunks: WAV (RIFF, RIFX, RF64), WAVE64, AIFF, IFF/8SVX and CAF.

The chunk with the audio states its size. What follows it is not audio if it is a chunk, a tag or padding.

Formats: Microsoft/IBM RIFF 1991, EBU Tech 3306 (RF64), Sony Wave64, Apple AIFF 1.3 and CAF 1.0.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from fad_core.audio.losses import DecodedFile, Loss, byte_losses, known_size, length_losses, total
from fad_core.audio.mpeg import mpeg_losses
from fad_core.audio.tags import sound_end, unexplained_bytes

# Chunks that hold audio, or another file with audio: none of them belongs after the first one.
_SOUNDS = (b"data", b"SSND", b"BODY", b"wavl", b"RIFF", b"RIFX", b"RF64", b"FORM", b"riff", b"caff")
# Chunks that are known not to hold audio, even if they are cut short.
_OTHERS = tuple(
    (
        b"LIST,INFO,id3 ,ID3 ,fact,cue ,bext,iXML,PEAK,smpl,inst,plst,note,labl,ltxt,afsp,"
        b"_PMX,JUNK,junk,PAD ,FLLR,cart,acid,strc,umid,chna,axml,levl,DISP,minf,elm1,regn,"
        b"COMM,MARK,INST,COMT,NAME,AUTH,(c) ,ANNO,APPL,SAXL,MIDI,AESD,CHAN,free,pakt,info"
    ).split(b",")
)


class _Layout(NamedTuple):
    """How a container lays out its chunks."""

    start: int  # offset of the first chunk
    name: int  # bytes of a chunk's name
    size: str  # struct format of a chunk's size
    align: int  # chunks begin at multiples of this
    sound: bytes  # the name of the chunk with the audio
    prefix: int = 0  # bytes in that chunk before the audio


# First bytes of the file, offset and bytes that identify its kind, layout.
_LAYOUTS = (
    (b"RIFF", 8, b"WAVE", _Layout(12, 4, "<I", 2, b"data")),
    (b"RF64", 8, b"WAVE", _Layout(12, 4, "<I", 2, b"data")),
    (b"RIFX", 8, b"WAVE", _Layout(12, 4, ">I", 2, b"data")),
    (b"FORM", 8, b"AIF", _Layout(12, 4, ">I", 2, b"SSND", 8)),  # AIFF and AIFC
    (b"FORM", 8, b"8SVX", _Layout(12, 4, ">I", 2, b"BODY")),
    (b"FORM", 8, b"16SV", _Layout(12, 4, ">I", 2, b"BODY")),
    (b"riff", 24, b"wave", _Layout(40, 16, "<Q", 8, b"data")),
    (b"caff", 4, b"", _Layout(8, 4, ">Q", 1, b"data", 4)),
)


class _Chunk(NamedTuple):
    name: bytes  # its first four bytes
    start: int  # offset of its content
    length: int  # of its content in bytes, as it states it

    @property
    def end(self) -> int:
        return self.start + self.length


def chunk_losses(file: DecodedFile, base: int) -> list[Loss]:
    """Find the audio that is missing, ignored or surplus in such a file.

    Args:
        file: the file.
        base: offset where the container begins.
    """
    head = file.read(base, 40)
    layout = next(
        (row[3] for row in _LAYOUTS if head.startswith(row[0]) and head.startswith(row[2], row[1])), None
    )
    chunks = list(_walk(file, layout, base)) if layout else []
    sound = next((chunk for chunk in chunks if layout and chunk.name == layout.sound), None)
    if layout is None or sound is None:
        return [Loss(math.inf, "its chunks cannot be interpreted", "missing")]
    start = sound.start + layout.prefix
    if sound.name == b"SSND":
        start += int.from_bytes(file.read(sound.start, 4), "big")
    length = sound.end - start
    stated = known_size(length)
    if stated is None and length > 0 and _ends_well(file, layout, sound.end):
        stated = length  # correct, although it looks like a placeholder
    if layout.sound == b"BODY" and stated and stated % 2 and file.frames == stated + 1:
        stated += 1  # libsndfile decodes the padding of an 8SVX file as a sample
    end = sound_end(file, start, stated)
    beyond = 0 if stated is None else _beyond(file, layout, chunks, sound.end)
    losses = byte_losses(file, stated, end - start, beyond)
    if file.subtype.startswith("MPEG"):
        return losses + mpeg_losses(file, start, end)
    # A truncated ALAC packet is lost completely, so the loss is counted in samples, not in bytes.
    counted = [] if stated is None else _count_losses(file, chunks)
    blocks = _block_losses(file, layout, chunks, stated or end - start)
    return max(losses, counted, blocks, key=total)


def _walk(file: DecodedFile, layout: _Layout, base: int) -> Iterator[_Chunk]:
    """Yield the chunks up to the first that does not fit into the file, and that one too if it is known."""
    position = base + layout.start
    true_length: int | None = None
    while (chunk := _chunk_at(file, layout, position)) is not None:
        if chunk.name == b"ds64":  # RF64 stores the size of the audio here
            true_length = int.from_bytes(file.read(chunk.start + 8, 8), "little")
        if chunk.name == b"data" and chunk.length == 0xFFFFFFFF and true_length is not None:
            chunk = _Chunk(chunk.name, chunk.start, true_length)
        if chunk.end <= file.size or chunk.name in (layout.sound, *_OTHERS):
            yield chunk
        if chunk.end > file.size:
            return
        position = chunk.end + -(chunk.end - base) % layout.align
        if not _is_chunk(file, layout, position) and _is_chunk(file, layout, chunk.end):
            position = chunk.end  # some programs omit the padding


def _chunk_at(file: DecodedFile, layout: _Layout, position: int) -> _Chunk | None:
    header = layout.name + struct.calcsize(layout.size)
    raw = file.read(position, header)
    if len(raw) < header:
        return None
    (length,) = struct.unpack(layout.size, raw[layout.name :])
    if layout.name == 16:  # WAVE64: the name is a GUID of arbitrary bytes, and the size includes the header
        length -= header
    elif not all(32 <= byte < 127 for byte in raw[:4]):
        return None
    return _Chunk(raw[:4], position + header, length) if length >= 0 else None


def _is_chunk(file: DecodedFile, layout: _Layout, position: int) -> bool:
    chunk = _chunk_at(file, layout, position)
    return chunk is not None and chunk.end <= file.size


def _ends_well(file: DecodedFile, layout: _Layout, end: int) -> bool:
    """Return whether the file ends at an offset, or a chunk begins there."""
    padded = end + -end % layout.align
    return end <= file.size and any(at >= file.size or _is_chunk(file, layout, at) for at in (end, padded))


def _beyond(file: DecodedFile, layout: _Layout, chunks: list[_Chunk], end: int) -> int:
    """Count the bytes after the audio that may be audio too."""
    later = [chunk for chunk in chunks if chunk.start > end]
    sounds = sum(min(chunk.length, file.size - chunk.start) for chunk in later if chunk.name in _SOUNDS)
    last = max((chunk.end for chunk in later), default=end)
    if layout.name == 16:  # libsndfile decodes everything after the audio of a W64 file, even tags
        return sounds + max(0, file.size - last - -last % 8)
    return sounds + unexplained_bytes(file, min(last, file.size), file.size)


def _count_losses(file: DecodedFile, chunks: list[_Chunk]) -> list[Loss]:
    """Compare the count of samples that AIFF and CAF state in addition to the size of the audio."""
    for chunk in chunks:
        if chunk.name == b"COMM" and file.subtype.startswith(("PCM", "FLOAT", "DOUBLE")):
            stated = int.from_bytes(file.read(chunk.start + 2, 4), "big")
        elif chunk.name == b"pakt":
            stated = int.from_bytes(file.read(chunk.start + 8, 8), "big")
        else:
            continue
        if known_size(stated):
            rate = file.sample_rate
            return length_losses(stated / rate, file.seconds, (stated - file.frames) / rate, "surplus")
    return []


def _block_losses(file: DecodedFile, layout: _Layout, chunks: list[_Chunk], length: int) -> list[Loss]:
    """Find an incomplete last block of a block coding, which libsndfile drops."""
    form = next((chunk for chunk in chunks if chunk.name == b"fmt "), None)
    if form is None or file.subtype not in ("IMA_ADPCM", "MS_ADPCM", "GSM610"):
        return []
    content = file.read(form.start, 20).ljust(20, b"\0")
    align, samples = (struct.unpack_from(layout.size[0] + "H", content, at)[0] for at in (12, 18))
    lost = -(-length // max(1, align)) * samples - file.frames
    if not 0 < lost <= samples:
        return []
    return [Loss(lost / file.sample_rate, "the last block of its audio is incomplete", "missing")]
