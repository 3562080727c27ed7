"""Decode a whole file, measure it and judge whether it can be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.audio.containers import find_losses
from fad_core.audio.decoding import decoded_blocks, open_decoder, open_sound
from fad_core.audio.losses import Decoded, describe_large, describe_small, is_small
from fad_core.audio.measures import Measures
from fad_core.errors import AudioError

_HIGHEST_RATE = 4_000_000  # Hz; beyond any recorder, and beyond what resampling to 8 kHz allows


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds, found by decoding it.

    Attributes:
        format: libsndfile's name of the container, e.g. "WAV", "FLAC", "OGG".
        subtype: libsndfile's name of the coding, e.g. "PCM_16", "OPUS".
        sample_rate: in Hz.
        channels: count of channels.
        frames: samples in each channel.
        peak: largest absolute sample value over all channels, as decoded to float32; 0.0 for silence.
        constant: every channel holds one value throughout, and not all of them are 0 (DC).
        sound_sha256: of the decoded sound, in hex; see `SoundDigest`. Equal for a WAV and a FLAC file of
            the same samples, whatever their tags.
        doubt: why the file is doubtful, one line without the path; "" if it is whole.
        doubt_seconds: how much sound is missing, ignored or beyond what the container promises.
    """

    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    peak: float
    constant: bool
    sound_sha256: str
    doubt: str = ""
    doubt_seconds: float = 0.0

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


def inspect_audio(path: Path | str, hear: Callable[[NDArray[np.float32]], None] | None = None) -> AudioInfo:
    """Decode a whole sound file, a bounded block at a time, and see whether it can be used.

    Args:
        path: of any format that libsndfile reads.
        hear: called with each block `[samples, channels]`; together they are what `read_audio` gives.

    Returns:
        What it holds, and what is doubtful about it.

    Raises:
        AudioError: it is missing, a folder, not readable, empty, not audio, damaged, or holds no samples, or
            NaN or infinite ones; or more than `SMALL_LOSS` seconds of its sound are missing, ignored or
            beyond what its container promises.
    """
    path = Path(path)
    with open_sound(path) as stream, open_decoder(path, stream) as decoder:
        rate, channels = int(decoder.samplerate), int(decoder.channels)
        if not 0 < rate <= _HIGHEST_RATE:
            raise AudioError(path, f"declares a sample rate of {rate} Hz, which cannot be right")
        measures = Measures(rate, channels)
        for block in decoded_blocks(path, decoder):
            measures.update(block)
            if hear is not None:
                hear(block)
        decoded = Decoded(
            str(decoder.format), str(decoder.subtype), rate, channels, measures.frames, int(decoder.frames)
        )
    with open_sound(path) as stream:
        losses = find_losses(stream, decoded)
    if not is_small(losses):
        raise AudioError(path, describe_large(losses, decoded))
    _check_values(path, measures, rate)
    return AudioInfo(
        decoded.format,
        decoded.subtype,
        rate,
        channels,
        measures.frames,
        measures.peak,
        measures.constant,
        measures.sound_sha256,
        describe_small(losses),
        sum(loss.seconds for loss in losses),
    )


def _check_values(path: Path, measures: Measures, rate: int) -> None:
    if measures.frames == 0:
        raise AudioError(path, "holds no samples")
    if count := measures.not_finite:
        values = "value that is" if count == 1 else "values that are"
        first = measures.first / rate
        raise AudioError(path, f"has {count} {values} NaN or infinite, the first at {first:.3f} s")
    if measures.overflows:
        raise AudioError(path, "has values so large that the sum of its channels is infinite")
