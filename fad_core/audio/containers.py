"""Compare a decoded file with what its container states, by the rules of the container."""

from __future__ import annotations

import math
import os
from typing import BinaryIO, Literal

from fad_core.audio.chunks import chunk_losses
from fad_core.audio.flac import flac_losses
from fad_core.audio.losses import Decoded, Loss, byte_losses, known_size, length_losses, read_at
from fad_core.audio.mpeg import mpeg_losses
from fad_core.audio.ogg import ogg_losses
from fad_core.audio.tags import id3v2_end, sound_end, unexplained_bytes

_CHUNKED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "SVX", "CAF")
# libsndfile itself refuses an HTK file of a wrong size.
_CHECKED = (*_CHUNKED, "AU", "NIST", "FLAC", "HTK")
_UNKNOWN_FRAMES = 2**63 - 1  # what libsndfile announces for a FLAC file that was written to a pipe


def find_losses(stream: BinaryIO, decoded: Decoded) -> list[Loss]:
    """Find what of a file's sound is missing, ignored or surplus.

    Args:
        stream: the file, open for reading in binary; its position is moved.
        decoded: what libsndfile made of it.

    Returns:
        What was found; empty for a whole file.
    """
    size = stream.seek(0, os.SEEK_END)
    if decoded.format == "MP3":
        return mpeg_losses(stream, size, decoded)
    if decoded.format == "OGG":
        return ogg_losses(stream, size, decoded)
    base = id3v2_end(stream, 0)
    if decoded.format == "FLAC":
        losses = flac_losses(stream, base, size, decoded)
    elif decoded.format in _CHUNKED:
        losses = chunk_losses(stream, base, size, decoded)
    elif decoded.format in ("AU", "NIST"):
        losses = _header_losses(stream, base, size, decoded)
    else:
        losses = []
    # Of MPEG within WAV libsndfile announces a guess.
    if not losses and "MPEG" not in decoded.subtype and decoded.frames < decoded.declared < _UNKNOWN_FRAMES:
        declared = decoded.declared / decoded.sample_rate
        losses = length_losses(declared, decoded.seconds, declared - decoded.seconds, "surplus")
    if not losses and decoded.format not in _CHECKED:
        text = f"the length of {decoded.format} files is not checked: whether sound is missing is unknown"
        losses = [Loss(0.0, text, "missing")]
    return losses


def _header_losses(stream: BinaryIO, base: int, size: int, decoded: Decoded) -> list[Loss]:
    """Compare the size of the sound in the header of an AU or NIST SPHERE file with what was decoded."""
    head = read_at(stream, base, 1024)
    try:
        if decoded.format == "AU":
            order: Literal["big", "little"] = "big" if head.startswith(b".snd") else "little"
            start, length = (int.from_bytes(head[at : at + 4], order) for at in (4, 8))
        else:
            lines = head.decode("ascii", "replace").split("\n")
            fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
            names = ("sample_count", "channel_count", "sample_n_bytes")
            start, length = int(lines[1]), math.prod(int(fields[name]) for name in names)
    except (ValueError, IndexError, KeyError):
        return [Loss(math.inf, "its header cannot be followed", "missing")]
    start += base
    stated = known_size(length)
    end = sound_end(stream, start, stated, size)
    # libsndfile decodes what stands behind the sound in these codings, tags too.
    adpcm = decoded.subtype.startswith("G72")
    beyond = size - end if adpcm else unexplained_bytes(stream, end, size)
    return byte_losses(decoded, stated, end - start, beyond)
