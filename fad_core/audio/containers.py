"""Compare a decoded file with what its container states, by the rules of the container."""

from __future__ import annotations

import math
from typing import Literal

from fad_core.audio.chunks import chunk_losses
from fad_core.audio.flac import flac_losses
from fad_core.audio.losses import DecodedFile, Loss, byte_losses, known_size, length_losses
from fad_core.audio.mpeg import mpeg_losses
from fad_core.audio.ogg import ogg_losses
from fad_core.audio.tags import id3v2_end, sound_end, unexplained_bytes

_CHUNKED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "SVX", "CAF")
# libsndfile itself refuses an HTK file with a wrong size.
_CHECKED = (*_CHUNKED, "AU", "NIST", "FLAC", "HTK")
_UNKNOWN_FRAMES = 2**63 - 1  # the length that libsndfile reports for a FLAC file that was written to a pipe


def find_losses(file: DecodedFile) -> list[Loss]:
    """Find the audio of a file that is missing, ignored or surplus; return an empty list for a whole file."""
    if file.format == "MP3":
        return mpeg_losses(file, 0, file.size)
    if file.format == "OGG":
        return ogg_losses(file)
    base = id3v2_end(file, 0)
    losses = []
    if file.format == "FLAC":
        losses = flac_losses(file, base)
    elif file.format in _CHUNKED:
        losses = chunk_losses(file, base)
    elif file.format in ("AU", "NIST"):
        losses = _header_losses(file, base)
    # For MPEG within WAV, libsndfile reports an estimated length.
    if not losses and "MPEG" not in file.subtype and file.frames < file.declared < _UNKNOWN_FRAMES:
        declared = file.declared / file.sample_rate
        losses = length_losses(declared, file.seconds, declared - file.seconds, "surplus")
    if not losses and file.format not in _CHECKED:
        text = f"the length of {file.format} files is not checked: whether audio is missing is unknown"
        losses = [Loss(0.0, text, "missing")]
    return losses


def _header_losses(file: DecodedFile, base: int) -> list[Loss]:
    """Compare the size of the audio in the header of an AU or NIST SPHERE file with what was decoded."""
    head = file.read(base, 1024)
    try:
        if file.format == "AU":
            order: Literal["big", "little"] = "big" if head.startswith(b".snd") else "little"
            start, length = (int.from_bytes(head[at : at + 4], order) for at in (4, 8))
        else:
            lines = head.decode("ascii", "replace").split("\n")
            fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
            names = ("sample_count", "channel_count", "sample_n_bytes")
            start, length = int(lines[1]), math.prod(int(fields[name]) for name in names)
    except (ValueError, IndexError, KeyError):
        return [Loss(math.inf, "its header cannot be interpreted", "missing")]
    start += base
    stated = known_size(length)
    end = sound_end(file, start, stated)
    # In these codings libsndfile decodes everything after the audio, even tags.
    adpcm = file.subtype.startswith("G72")
    beyond = file.size - end if adpcm else unexplained_bytes(file, end, file.size)
    return byte_losses(file, stated, end - start, beyond)
