"""A synthetic melody, the same on every machine (see `fad_core.verification.signals`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fad_core.verification.signals import Signal, noise, sine

# A minor pentatonic scale over two octaves from 110 Hz, in just intonation.
_SCALE = tuple(110.0 * octave * step for octave in (1, 2) for step in (1.0, 1.2, 4 / 3, 1.5, 1.8))


def melody(count: int, rate: int, key: int) -> Signal:
    """Return a plucked melody of four notes a second, a bass of one, and a hiss on the beat.

    Args:
        count: number of samples.
        rate: sampling rate in Hz.
        key: selects the steps through the scale, which repeat after some minutes.
    """
    quarter = np.arange(count, dtype=np.int64) // (rate // 4)
    lead = _plucked(quarter, (quarter * (3 + key) + quarter // 16 * 7 + quarter // 5) % 10, 2.0, rate)
    whole = quarter // 4
    bass = _plucked(whole, (whole * 2 + whole // 8 * 3 + key) % 5, 0.5, rate)
    beat = _decay(quarter, rate)
    hits = beat * beat * beat * beat * noise(count, key=100 + key) * (1 + quarter % 2)
    return 0.35 * lead + 0.3 * bass + 0.2 * hits


def _decay(step: NDArray[np.int64], rate: int) -> Signal:
    """Return a ramp from 1 down to 0 within each run of equal steps."""
    starts = np.searchsorted(step, np.arange(step[-1] + 1))
    lengths = np.maximum(np.diff(np.append(starts, len(step))), rate // 4)
    return 1.0 - (np.arange(len(step)) - starts[step]) / lengths[step]


def _plucked(step: NDArray[np.int64], degree: NDArray[np.int64], octave: float, rate: int) -> Signal:
    """Return decaying notes with three harmonics, one for each run of equal steps."""
    phase = np.arange(len(step), dtype=np.float64) * np.array(_SCALE)[degree] * octave / rate
    fading = _decay(step, rate)
    tone = fading * sine(phase) + 0.5 * fading * fading * sine(2.0 * phase)
    return fading * (tone + 0.25 * fading * fading * sine(3.0 * phase))
