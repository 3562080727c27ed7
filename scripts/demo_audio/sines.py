"""The sine test of the FAD literature: clean sines compared with sines with little noise.

Its values are published for VGGish (12.44 and 4.77 with the code of Kilgour et al., 2019, arXiv
1812.08466), so that implementations can be compared on it. Its samples are `int16(2^15 · x)` *without*
clipping: if noise raises a peak to 1 or above, the value wraps around to the other end of the range. Most
of the distance comes from these clicks, not from the noise.
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
    """One data set.

    Attributes:
        name: of the set.
        count: number of sines.
        noise: standard deviation of the noise, relative to the peak.
    """

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

    The result of `np.asarray(2**15 * signal, dtype=np.int16)` on common machines; by way of int64, because
    the conversion of a float beyond the range of int16 is not defined.
    """
    whole = (signal * FULL_SCALE).astype(np.int64)
    return ((whole + FULL_SCALE) % (2 * FULL_SCALE) - FULL_SCALE).astype(np.int16)


def sine(frequency: float) -> Signal:
    """Return a sine, [samples], on the literature's time axis, which includes its end point."""
    time = np.linspace(0, SECONDS, SECONDS * RATE)
    return np.sin(2 * np.pi * time * frequency)


def clips(chosen: SineSet, seed: int) -> Iterator[tuple[str, Samples]]:
    """Yield file names and samples of a set, with frequencies evenly from 100 to 1000 Hz."""
    for frequency in np.linspace(100, 1000, chosen.count).tolist():
        name = f"sine_{round(frequency):04d}_hz.wav"
        signal = sine(frequency)
        if chosen.noise:
            spread = chosen.noise * np.abs(signal).max()
            signal = signal + spread * generator(seed, chosen.name, name).standard_normal(signal.size)
        yield name, wrap_to_int16(signal)[:, np.newaxis]
