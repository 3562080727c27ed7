"""The clips on which models are held against the original packages, the same on every machine.

A golden file is only worth something if the sound it was made from can be made again, to the last
bit, with another NumPy on another processor. So nothing here calls sin, exp or a filter of a library:
samples come from +, -, *, / and rounding, which IEEE 754 fixes exactly, done element by element
(no sums whose order a vector unit chooses), from integers, and from the raw words of the Philox
counter generator (Salmon et al., 2011), whose stream NumPy keeps for good. `Clip.sha256` tells.
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

Signal = NDArray[np.float64]

MONO_RATES = (8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000)
"""Sampling rates in Hz of the clips `mono_<rate>`."""

REFERENCE_GROUP = ("long", "sine", "speech_like", "stereo_16000")
"""Clips of at least two windows whose embeddings are the reference set of the stored distances."""

EVALUATION_GROUP = ("noise", "square", "stereo_44100", "surround_48000", *(f"mono_{r}" for r in MONO_RATES))
"""The same for the evaluation set."""

# x, x³/3!, x⁵/5!, … up to x¹³: the error on a quarter turn, 1e-9, is far below one int16 step.
_SINE_TERMS = (1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800)
_TURN = 6.283185307179586

# Two-pole resonators y[n] = x[n] + a y[n-1] - b y[n-2] at 16 kHz: a = 2 r cos θ, b = r².
# Formants of three vowels near (700, 1220, 2600), (300, 2300, 3000) and (450, 800, 2830) Hz,
# bandwidths 80 to 160 Hz, and the hiss of an "s" at 4500 Hz.
_VOWELS = {
    "a": ((1.894910, 0.969072), (1.736904, 0.957723), (1.012678, 0.939101)),
    "i": ((1.955183, 0.969072), (1.211732, 0.957723), (0.741696, 0.939101)),
    "o": ((1.938168, 0.969072), (1.861471, 0.957723), (0.859494, 0.939101)),
}
_HISS = (-0.353695, 0.821725)

# Four seconds of "speech": sounds (a space is a pause) and their lengths in samples.
_PHRASE = (
    *(("a", 5600), ("s", 2400), ("i", 6400), (" ", 4800), ("o", 7200), ("s", 1600), ("a", 4800)),
    *((" ", 8000), ("i", 4000), ("o", 6400), (" ", 2400), ("s", 3200), ("a", 7200)),
)


@dataclass(frozen=True)
class Clip:
    """A short piece of audio.

    Attributes:
        sample_rate: in Hz.
        samples: 16-bit PCM `[channels, n]`.
    """

    sample_rate: int
    samples: NDArray[np.int16]

    @property
    def waveform(self) -> NDArray[np.float32]:
        """What reading the WAV file gives: float32 `[channels, n]` in [-1, 1)."""
        return self.samples.astype(np.float32) / np.float32(32768)

    @property
    def sha256(self) -> str:
        """Of the rate, the shape and the samples (little-endian, one channel after the other)."""
        head = f"{self.sample_rate} {self.samples.shape[0]} {self.samples.shape[1]}\n"
        return hashlib.sha256(head.encode() + self.samples.astype("<i2").tobytes()).hexdigest()

    def write(self, path: Path | str) -> None:
        """Write a 16-bit PCM WAV file."""
        soundfile.write(str(path), self.samples.T, self.sample_rate, subtype="PCM_16", format="WAV")


@cache
def clips() -> dict[str, Clip]:
    """All clips by name, about 0.4 s of work the first time. Do not change the arrays.

    `shortest` has the 15 600 samples that VGGish needs for its first window, `almost_two` one sample
    less than it needs for two; `long` is more than one batch of 32 windows; `mono_<rate>`,
    `stereo_<rate>` and `surround_48000` (5.1) go through down-mixing and resampling.
    """
    rate = 16000
    noise = _noise(2 * rate, key=1)
    impulse = np.zeros(rate)
    impulse[5000] = 1.0
    square = np.where(_sine(_turns(220.5, 2 * rate, rate)) >= 0, 2.0, -2.0)
    signals: dict[str, tuple[int, Sequence[Signal]]] = {
        "sine": (rate, [0.5 * _sine(_turns(440.0, 3 * rate, rate))]),
        "noise": (rate, [0.5 * noise]),
        "speech_like": (rate, [_speech_like()]),
        "shortest": (rate, [_busy(15600, rate, key=2)]),
        "almost_two": (rate, [_busy(15600 + 15360 - 1, rate, key=3)]),
        "silence_impulse": (rate, [impulse]),
        "square": (rate, [square]),
        "long": (rate, [_long(65 * rate, rate)]),
        "stereo_44100": (44100, [_busy(2 * 44100, 44100, key=4), _busy(2 * 44100, 44100, key=5)]),
        "stereo_16000": (rate, [0.7 * _sine(_turns(330.0, 2 * rate, rate)), 0.4 * noise]),
        "surround_48000": (48000, [_busy(2 * 48000, 48000, key=6 + c) / (1 + c) for c in range(6)]),
    }
    for key, mono_rate in enumerate(MONO_RATES, start=20):
        # A little over two windows, and a count of samples that no ratio of rates divides.
        signals[f"mono_{mono_rate}"] = (mono_rate, [_busy(mono_rate * 21 // 10 + 1, mono_rate, key)])
    return {name: Clip(rate, _quantise(channels)) for name, (rate, channels) in signals.items()}


@cache
def distance_matrices() -> tuple[Signal, Signal]:
    """Two sets of made-up embeddings of full rank: reference `[400, 128]`, evaluation `[300, 128]`.

    The clips give fewer vectors than dimensions, where the original's matrix square root is at its
    least exact; these show that the formula is the same where it is well-conditioned.
    """
    sets = []
    for key, rows, shift in ((40, 400, 0.0), (41, 300, 0.125)):
        flat = _noise(rows * 129, key).reshape(rows, 129)
        # Neighbouring dimensions are correlated, and more so in the evaluation set.
        sets.append(flat[:, 1:] + (0.5 + shift) * flat[:, :-1] + shift)
    return sets[0], sets[1]


def _quantise(channels: Sequence[Signal]) -> NDArray[np.int16]:
    """Round full scale 1.0 to int16 `[channels, n]`; what is louder is clipped."""
    scaled = np.rint(np.stack(channels) * 32768.0)
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def _turns(hertz: float, count: int, rate: int) -> Signal:
    """The phase of a steady tone, in turns, `[count]`."""
    return np.arange(count, dtype=np.float64) * hertz / rate


def _sine(turns: Signal) -> Signal:
    """Sine of a phase in turns, by its power series on a quarter turn."""
    turns = turns - np.rint(turns)
    folded = np.where(turns > 0.25, 0.5 - turns, np.where(turns < -0.25, -0.5 - turns, turns))
    angle = folded * _TURN
    squared = angle * angle
    series = np.full_like(angle, _SINE_TERMS[-1])
    for term in reversed(_SINE_TERMS[:-1]):
        series = series * squared + term
    return series * angle


def _noise(count: int, key: int) -> Signal:
    """White noise in (-1, 1), standard deviation 0.29, nearly Gaussian: four 16-bit words a sample."""
    words = np.random.Philox(key=key).random_raw(count)
    total = np.zeros(count, dtype=np.int64)
    for shift in (0, 16, 32, 48):
        total += ((words >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
    return (total - 2 * 65535) / 131072.0


def _busy(count: int, rate: int, key: int) -> Signal:
    """A chord, a sweep to 0.45 of the rate (so that resampling has something to cut) and hiss."""
    seconds = np.arange(count, dtype=np.float64) / rate
    root = 110.0 + 15.0 * key
    chord = _sine(seconds * root) + 0.5 * _sine(seconds * (root * 2.5)) + 0.25 * _sine(seconds * (root * 6.0))
    slope = (0.45 * rate - 50.0) * rate / count
    sweep = _sine(seconds * 50.0 + seconds * seconds * (slope / 2))
    return 0.3 * chord + 0.25 * sweep + 0.2 * _noise(count, key)


def _long(count: int, rate: int) -> Signal:
    """A new tone each half second, at one of seven levels, over noise of five."""
    step = np.arange(count, dtype=np.int64) // (rate // 2)
    hertz = (90 + step * 379 % 6800).astype(np.float64)
    tone = _sine(np.arange(count, dtype=np.float64) * hertz / rate)
    return 0.7 * tone / (1 + 2 * (step % 7)) + 0.12 * (step % 5) * _noise(count, key=10)


def _speech_like() -> Signal:
    """Four seconds at 16 kHz: vowels (pulses through formants), hisses and pauses."""
    parts = []
    for index, (sound, length) in enumerate(_PHRASE):
        if sound == " ":
            parts.append(np.zeros(length))
            continue
        if sound == "s":
            part = _resonate(_noise(length, key=50 + index).tolist(), *_HISS)
            level = 0.15
        else:
            part = _pulses(length, period=100 + 9 * (index % 5))
            for a, b in _VOWELS[sound]:
                part = _resonate(part, a, b)
            level = 0.6
        wave = np.array(part)
        ramp = np.minimum(np.minimum(np.arange(length), np.arange(length)[::-1]), 320) / 320.0
        parts.append(wave * (level / np.abs(wave).max()) * ramp)
    return np.concatenate(parts)


def _pulses(count: int, period: int) -> list[float]:
    """Single samples of 1, ever closer together: a voice that rises."""
    pulses = [0.0] * count
    position = 0
    while position < count:
        pulses[position] = 1.0
        position += period - 20 * position // count
    return pulses


def _resonate(samples: list[float], a: float, b: float) -> list[float]:
    """Run one resonator in plain Python floats: compiled filters may fuse multiply and add."""
    last = before = 0.0
    output = []
    for sample in samples:
        last, before = sample + a * last - b * before, last
        output.append(last)
    return output
