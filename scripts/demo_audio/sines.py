"""The sine test of the FAD literature: clean sines against sines with a trace of noise.

Its values are published for VGGish (12.44 and 4.77 with the code of Kilgour et al., 2019,
arXiv 1812.08466), which makes it the one set on which implementations can be held together.
Its samples are `int16(2^15 · x)` *without* clipping: where noise lifts a peak to 1 or above, the value
wraps round to the other end of the range. Those clicks, not the noise, are most of what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import FULL_SCALE, Samples, Signal, generator

RATE = 16_000
SECONDS = 6


@dataclass(frozen=True)
class SineSet:
    """One data set: so many sines, with noise of so much of the peak (standard deviation)."""

    name: str
    count: int
    noise: float


SETS = (
    SineSet("sine_background", 10, 0.0),
    SineSet("sine_test1", 5, 1e-4),
    SineSet("sine_test2", 5, 1e-5),
)


def wrap_to_int16(signal: Signal) -> Samples:
    """Scale by 2^15, cut towards zero, wrap modulo 2^16.

    What `np.asarray(2**15 * signal, dtype=np.int16)` gives on common machines; by way of int64,
    because a float beyond the range of int16 has no defined conversion to it.
    """
    whole = (signal * FULL_SCALE).astype(np.int64)
    return ((whole + FULL_SCALE) % (2 * FULL_SCALE) - FULL_SCALE).astype(np.int16)


def sine(frequency: float) -> Signal:
    """Make a sine, [samples], on the literature's time axis, which includes its end point."""
    time = np.linspace(0, SECONDS, SECONDS * RATE)
    return np.sin(2 * np.pi * time * frequency)


def clips(chosen: SineSet, seed: int) -> Iterator[tuple[str, Samples]]:
    """Give the set's file names and samples, frequencies evenly from 100 to 1000 Hz."""
    for frequency in np.linspace(100, 1000, chosen.count).tolist():
        name = f"sine_{round(frequency):04d}_hz.wav"
        signal = sine(frequency)
        if chosen.noise:
            spread = chosen.noise * np.abs(signal).max()
            signal = signal + spread * generator(seed, chosen.name, name).standard_normal(signal.size)
        yield name, wrap_to_int16(signal)[:, np.newaxis]
