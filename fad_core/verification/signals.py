"""Sounds that are the same everywhere, to the last bit: what test clips are made of.

Nothing here calls sin, exp or a filter of a library: samples come from +, -, *, / and rounding, which
IEEE 754 fixes exactly, done element by element (no sums whose order a vector unit chooses), from
integers, and from the raw words of the Philox counter generator (Salmon et al., 2011), whose stream NumPy
keeps for good.

Signals are float64 `[n]`, full scale ±1; `seconds` or `count` samples long at `rate` Hz.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

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


def quantise(channels: Sequence[Signal]) -> NDArray[np.int16]:
    """Round full scale 1.0 to int16 `[channels, n]`; what is louder is clipped."""
    scaled = np.rint(np.stack(channels) * 32768.0)
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def turns(hertz: float, count: int, rate: int) -> Signal:
    """The phase of a steady tone, in turns, `[count]`."""
    return np.arange(count, dtype=np.float64) * hertz / rate


def sine(turns: Signal) -> Signal:
    """Sine of a phase in turns, by its power series on a quarter turn."""
    turns = turns - np.rint(turns)
    folded = np.where(turns > 0.25, 0.5 - turns, np.where(turns < -0.25, -0.5 - turns, turns))
    angle = folded * _TURN
    squared = angle * angle
    series = np.full_like(angle, _SINE_TERMS[-1])
    for term in reversed(_SINE_TERMS[:-1]):
        series = series * squared + term
    return series * angle


def noise(count: int, key: int) -> Signal:
    """White noise in (-1, 1), standard deviation 0.29, nearly Gaussian: four 16-bit words a sample."""
    words = np.random.Philox(key=key).random_raw(count)
    total = np.zeros(count, dtype=np.int64)
    for shift in (0, 16, 32, 48):
        total += ((words >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
    return (total - 2 * 65535) / 131072.0


def impulse(count: int, place: int) -> Signal:
    """A single sample of 1 in silence."""
    signal = np.zeros(count)
    signal[place] = 1.0
    return signal


def square(hertz: float, count: int, rate: int) -> Signal:
    """A square wave that clips at full scale."""
    return np.where(sine(turns(hertz, count, rate)) >= 0, 2.0, -2.0)


def busy(count: int, rate: int, key: int) -> Signal:
    """A chord, a sweep to 0.45 of the rate (so that resampling has something to cut) and hiss."""
    seconds = np.arange(count, dtype=np.float64) / rate
    root = 110.0 + 15.0 * key
    chord = sine(seconds * root) + 0.5 * sine(seconds * (root * 2.5)) + 0.25 * sine(seconds * (root * 6.0))
    slope = (0.45 * rate - 50.0) * rate / count
    sweep = sine(seconds * 50.0 + seconds * seconds * (slope / 2))
    return 0.3 * chord + 0.25 * sweep + 0.2 * noise(count, key)


def stepping_tones(count: int, rate: int) -> Signal:
    """A new tone each half second, at one of seven levels, over noise of five."""
    step = np.arange(count, dtype=np.int64) // (rate // 2)
    hertz = (90 + step * 379 % 6800).astype(np.float64)
    tone = sine(np.arange(count, dtype=np.float64) * hertz / rate)
    return 0.7 * tone / (1 + 2 * (step % 7)) + 0.12 * (step % 5) * noise(count, key=10)


def speech_like() -> Signal:
    """Four seconds at 16 kHz: vowels (pulses through formants), hisses and pauses."""
    parts = []
    for index, (sound, length) in enumerate(_PHRASE):
        if sound == " ":
            parts.append(np.zeros(length))
            continue
        if sound == "s":
            part = _resonate(noise(length, key=50 + index).tolist(), *_HISS)
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
