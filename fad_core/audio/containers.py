"""What a decoded file lacks, ignores or has too much, by the rules of its container."""

from __future__ import annotations

from typing import BinaryIO

from fad_core.audio.chunks import chunk_losses
from fad_core.audio.flac import flac_losses
from fad_core.audio.headers import header_losses
from fad_core.audio.losses import Decoded, Loss, size_of
from fad_core.audio.mpeg import mpeg_losses
from fad_core.audio.ogg import ogg_losses
from fad_core.audio.trailers import id3v2_end

_CHUNKED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "SVX", "CAF")
_UNKNOWN_FRAMES = 2**63 - 1  # what libsndfile announces for a FLAC file that was written to a pipe


def find_losses(stream: BinaryIO, decoded: Decoded) -> list[Loss]:
    """Find what of a file's sound is missing, ignored or surplus.

    Args:
        stream: the file, open for reading in binary; its position is moved.
        decoded: what libsndfile made of it.

    Returns:
        What was found; empty for a whole file, and for containers that state no length.
    """
    size = size_of(stream)
    if decoded.format == "MP3":
        return mpeg_losses(stream, size, decoded)
    if decoded.format == "OGG":
        return ogg_losses(stream, size, decoded)
    base = id3v2_end(stream, 0)
    if decoded.format == "FLAC":
        losses = flac_losses(stream, base, size, decoded)
    elif decoded.format in _CHUNKED:
        losses = chunk_losses(stream, base, size, decoded)
    else:
        losses = header_losses(stream, base, size, decoded)
    return losses or _undecoded(decoded)


def _undecoded(decoded: Decoded) -> list[Loss]:
    # Of MPEG within WAV libsndfile announces a guess.
    if decoded.subtype.startswith("MPEG") or not decoded.frames < decoded.declared < _UNKNOWN_FRAMES:
        return []
    seconds = decoded.declared / decoded.sample_rate
    text = f"cut short: its header promises {seconds:.3f} s, {decoded.seconds:.3f} s are there"
    return [Loss(seconds - decoded.seconds, text, "missing")]
