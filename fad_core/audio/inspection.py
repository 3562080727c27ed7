"""Decode a whole file, measure it and decide whether it can be used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.audio.containers import find_losses
from fad_core.audio.decoding import decoded_blocks, open_decoder, open_sound
from fad_core.audio.losses import SMALL_LOSS, DecodedFile, remedy_of, total
from fad_core.errors import AudioError

_HIGHEST_RATE = 4_000_000  # Hz; above that of any recorder; resampling to 8 kHz allows no more
_LARGEST = float(np.finfo(np.float32).max)


class SoundDigest:
    """SHA-256 of decoded audio: equal for two files exactly if their float32 samples are equal.

    Args:
        sample_rate: sample rate in Hz.
        channels: count of channels.

    >>> digest = SoundDigest(16000, 1)
    >>> digest.update(np.zeros(16000, np.float32))
    >>> digest.hexdigest()[:16]
    '0d93ffa259750f8a'
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._channels = channels
        self._hash = hashlib.sha256(f"{sample_rate} {channels}\n".encode())

    def update(self, block: NDArray[np.float32]) -> None:
        """Add the next samples.

        Args:
            block: float32, `[samples, channels]`, or `[samples]` of one channel.

        Raises:
            ValueError: the block has another type or count of channels.
        """
        if block.dtype != np.float32 or (block.shape[1] if block.ndim == 2 else 1) != self._channels:
            raise ValueError(
                f"{block.dtype} {block.shape} is not a float32 block of {self._channels} channels"
            )
        # Floats have two zeros, integers one: -0.0 + 0.0 is 0.0.
        with np.errstate(invalid="ignore"):
            self._hash.update(np.ascontiguousarray(block + np.float32(0), dtype="<f4").data)

    def hexdigest(self) -> str:
        """Return the hash of all samples so far.

        Returns:
            64 hex digits.
        """
        return self._hash.hexdigest()


@dataclass(frozen=True)
class AudioInfo:
    """Properties of an audio file, found by decoding it.

    Attributes:
        format: libsndfile's name of the container, e.g. "WAV", "FLAC", "OGG".
        subtype: libsndfile's name of the coding, e.g. "PCM_16", "OPUS".
        sample_rate: sample rate in Hz.
        channels: count of channels.
        frames: samples in each channel.
        peak: largest absolute sample value over all channels, as decoded to float32; 0.0 for silence.
        constant: whether every channel holds one constant value, and not all of them are 0 (DC).
        sound_sha256: SHA-256 of the decoded audio, in hex; see `SoundDigest`. Equal for a WAV and a FLAC file
            with the same samples, whatever their tags.
        doubt: why the file is doubtful, one line without the path; "" if it is whole.
        doubt_seconds: how many seconds of audio are missing, ignored or surplus.
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


def inspect_audio(
    path: Path | str, on_block: Callable[[NDArray[np.float32]], None] | None = None
) -> AudioInfo:
    """Decode a whole audio file, a bounded block at a time, and decide whether it can be used.

    Args:
        path: a file of any format that libsndfile reads.
        on_block: called with each block, float32 `[samples, channels]`; `waveform_of` joins them to what
            `read_audio` returns. None: not called.

    Returns:
        The properties of the file, with the reason if it is doubtful.

    Raises:
        AudioError: the file is missing, a folder, not readable, empty, not audio, damaged, or holds no
            samples, or NaN or infinite ones; or more than `SMALL_LOSS` seconds of its audio are missing,
            ignored or surplus.

    >>> info = inspect_audio("audio/reference/0.wav")
    >>> info.format, info.sample_rate, info.channels, info.duration, info.doubt
    ('WAV', 16000, 1, 0.1, '')
    """
    path = Path(path)
    with open_sound(path) as stream, open_decoder(path, stream) as decoder:
        rate, channels = int(decoder.samplerate), int(decoder.channels)
        if not 0 < rate <= _HIGHEST_RATE:
            raise AudioError(path, f"declares a sample rate of {rate} Hz, which is not possible")
        digest, frames, peak = SoundDigest(rate, channels), 0, 0.0
        first, constant, fault = np.zeros(channels, np.float32), True, ""
        for block in decoded_blocks(path, decoder):
            low, high = float(block.min()), float(block.max())
            # The comparison is written so that it fails for NaN.
            if not max(-low, high) * channels < _LARGEST:
                fault = fault or _value_fault(block, frames / rate, rate)
            first = first if frames else block[0].copy()
            constant = constant and bool((block == first).all())
            peak = max(peak, -low, high)
            frames += len(block)
            digest.update(block)
            if on_block is not None:
                on_block(block)
        form, coding, declared = str(decoder.format), str(decoder.subtype), int(decoder.frames)
    with open_sound(path) as stream:
        size = stream.seek(0, os.SEEK_END)
        file = DecodedFile(stream, size, form, coding, rate, channels, frames, declared)
        losses = find_losses(file)
    lost, doubt = total(losses), "; ".join(map(str, losses))
    if lost > SMALL_LOSS:
        decoded = f"{file.seconds:.3f} s are decoded"
        raise AudioError(path, f"{doubt}; {decoded}: {remedy_of(losses, file)}")
    if frames == 0 or fault:
        raise AudioError(path, fault or "holds no samples")
    constant = constant and bool(first.any())
    return AudioInfo(form, coding, rate, channels, frames, peak, constant, digest.hexdigest(), doubt, lost)


def _value_fault(block: NDArray[np.float32], start: float, rate: int) -> str:
    """Return what is wrong with the values of a block that begins at `start` seconds; "" if nothing is."""
    wrong = ~np.isfinite(block).all(axis=1)
    if wrong.any():
        return f"has values that are NaN or infinite, the first at {start + wrong.argmax() / rate:.3f} s"
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(block.sum(axis=1)).all()
    return "" if finite else "has values so large that the sum of its channels is infinite"
