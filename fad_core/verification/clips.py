"""The clips of the golden level, the same on every machine.

A golden file is valid only if its audio can be generated again, bit by bit, with another NumPy on another
processor (`fad_core.verification.signals`); `Clip.sha256` checks this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from fad_core.verification.signals import (
    Signal,
    busy,
    impulse,
    noise,
    quantise,
    sine,
    speech_like,
    square,
    stepping_tones,
    turns,
)

MONO_RATES = (8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sampling rates in Hz of the clips `mono_<rate>`."""

# By sampling rate in Hz, the samples of the clips `wide_<rate>`: 23.0, 12.0 and 10.3 seconds.
_WIDE_SAMPLES = {32000: 736_123, 44100: 529_201, 48000: 494_400}
WIDE = tuple(f"wide_{rate}" for rate in _WIDE_SAMPLES)
"""Clips without an empty band, for models that turn the rounding noise of empty bands into features."""

REFERENCE_GROUP = ("long", "sine", "speech_like", "stereo_16000", *WIDE)
"""Clips of the reference set of the stored distances; a model uses those of them that it has."""

EVALUATION_GROUP = ("noise", "square", "stereo_44100", "surround_48000", *(f"mono_{r}" for r in MONO_RATES))
"""The same for the evaluation set."""


@dataclass(frozen=True)
class Clip:
    """A piece of audio.

    Attributes:
        sample_rate: in Hz.
        samples: 16-bit PCM `[channels, n]`.
    """

    sample_rate: int
    samples: NDArray[np.int16]

    @property
    def waveform(self) -> NDArray[np.float32]:
        """The samples as read from a WAV file: float32 `[channels, n]` in [-1, 1)."""
        return self.samples.astype(np.float32) / np.float32(32768)

    @property
    def sha256(self) -> str:
        """SHA-256 of the rate, the shape and the samples (little-endian, one channel after the other)."""
        head = f"{self.sample_rate} {self.samples.shape[0]} {self.samples.shape[1]}\n"
        return hashlib.sha256(head.encode() + self.samples.astype("<i2").tobytes()).hexdigest()

    def write(self, path: Path | str) -> None:
        """Write a 16-bit PCM WAV file."""
        soundfile.write(str(path), self.samples.T, self.sample_rate, subtype="PCM_16", format="WAV")


@cache
def clips() -> dict[str, Clip]:
    """Return all clips by name. The first call takes about 0.4 s. Do not modify the arrays.

    `shortest` has the 15 600 samples that VGGish needs for its first window, and `almost_two` one sample less
    than it needs for two. `long` is more than one batch of 32 windows. `mono_<rate>`, `stereo_<rate>` and
    `surround_48000` (5.1) are mixed and resampled. `wide_<rate>` are longer than the ten seconds of CLAP and
    have no empty band.
    """
    rate = 16000
    hiss = noise(2 * rate, key=1)
    signals: dict[str, tuple[int, Sequence[Signal]]] = {
        "sine": (rate, [0.5 * sine(turns(440.0, 3 * rate, rate))]),
        "noise": (rate, [0.5 * hiss]),
        "speech_like": (rate, [speech_like()]),
        "shortest": (rate, [busy(15600, rate, key=2)]),
        "almost_two": (rate, [busy(15600 + 15360 - 1, rate, key=3)]),
        "silence_impulse": (rate, [impulse(rate, place=5000)]),
        "square": (rate, [square(220.5, 2 * rate, rate)]),
        "long": (rate, [stepping_tones(65 * rate, rate)]),
        "stereo_44100": (44100, [busy(2 * 44100, 44100, key=4), busy(2 * 44100, 44100, key=5)]),
        "stereo_16000": (rate, [0.7 * sine(turns(330.0, 2 * rate, rate)), 0.4 * hiss]),
        "surround_48000": (48000, [busy(2 * 48000, 48000, key=6 + c) / (1 + c) for c in range(6)]),
    }
    for key, mono_rate in enumerate(MONO_RATES, start=20):
        # A little over two windows, and a count of samples that no ratio of rates divides.
        signals[f"mono_{mono_rate}"] = (mono_rate, [busy(mono_rate * 21 // 10 + 1, mono_rate, key)])
    for key, (wide_rate, count) in enumerate(_WIDE_SAMPLES.items(), start=30):
        signals[f"wide_{wide_rate}"] = (wide_rate, [busy(count, wide_rate, key)])
    return {name: Clip(rate, quantise(channels)) for name, (rate, channels) in signals.items()}


@cache
def distance_matrices() -> tuple[Signal, Signal]:
    """Return two sets of random vectors of full rank: reference `[400, 128]`, evaluation `[300, 128]`.

    The clips give fewer vectors than dimensions, where the matrix square root of the original is least exact.
    These sets show that the formula is the same where it is well-conditioned.
    """
    sets = []
    for key, rows, shift in ((40, 400, 0.0), (41, 300, 0.125)):
        flat = noise(rows * 129, key).reshape(rows, 129)
        # Neighbouring dimensions are correlated, and more so in the evaluation set.
        sets.append(flat[:, 1:] + (0.5 + shift) * flat[:, :-1] + shift)
    return sets[0], sets[1]
