"""Change the sample rate, with the same values as `resampy`, which the original package uses.

They are computed by `fad_core.audio.polyphase`, or by resampy itself where that module is not faster.
"""

from __future__ import annotations

from functools import cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample", "resampled_length"]

# resampy's filter table has this many steps between two zero crossings; for a larger reduction of the rate,
# its step through the table would be zero.
_LARGEST_REDUCTION = 512

# With fewer outputs of the same phase of the filter, computing them at once is not faster.
_WORTHWHILE = 12


def resampled_length(samples: int, rate_from: int, rate_to: int) -> int:
    """Return the number of samples that `resample` returns.

    Args:
        samples: length of the waveform in samples.
        rate_from: sample rate of the waveform in Hz.
        rate_to: the sample rate of the result in Hz.

    Returns:
        The length of the result in samples; 0 if the waveform is too short for one.

    >>> resampled_length(44100, 44100, 16000)
    16000
    """
    if rate_from == rate_to:
        return samples
    # In floating point, in this order and truncated, as in resampy: the exact ratio sometimes differs by one
    # sample.
    return int(samples * float(rate_to) / float(rate_from))


def resample(waveform: NDArray[np.float32], rate_from: int, rate_to: int) -> NDArray[np.float32]:
    """Resample with resampy's `kaiser_best` filter, bit for bit as `resampy.resample` on each channel.

    Args:
        waveform: `[channels, samples]`, float32, or float64, for which resampy itself is called.
        rate_from: sample rate of the waveform in Hz.
        rate_to: the sample rate of the result in Hz.

    Returns:
        `[channels, resampled_length(samples, rate_from, rate_to)]`, of the waveform's type.

    Raises:
        ValueError: a rate is not positive, the rate would be reduced by more than a factor of 512, or the
            waveform is too short for one output sample.

    >>> resample(np.zeros((1, 44100), np.float32), 44100, 16000).shape
    (1, 16000)
    """
    samples = waveform.shape[-1]
    if rate_from <= 0 or rate_to <= 0:
        raise ValueError(f"sample rates must be positive, not {rate_from} and {rate_to} Hz")
    if rate_from > _LARGEST_REDUCTION * rate_to:
        raise ValueError(f"cannot resample from {rate_from} to {rate_to} Hz: more than a factor of 512")
    if resampled_length(samples, rate_from, rate_to) == 0:
        raise ValueError(f"{samples} samples at {rate_from} Hz are too few for one sample at {rate_to} Hz")
    if rate_from == rate_to:
        return waveform
    length = resampled_length(samples, rate_from, rate_to)
    phases = rate_to // gcd(rate_from, rate_to)
    # Imported here because the compiler that both use takes a second to load; lengths do not need it.
    if waveform.dtype == np.float32 and length // phases >= _WORTHWHILE:
        from fad_core.audio.polyphase import resample_rows

        return resample_rows(waveform, rate_from, rate_to, length)
    import resampy

    compile_single_first()
    result: NDArray[np.float32] = resampy.resample(waveform, rate_from, rate_to, axis=-1)
    return result


@cache
def compile_single_first() -> None:
    """Have resampy compile its loop for float32 before any other.

    resampy compiles a loop for the types of its arguments, unless it has one to whose types they can be cast
    (Numba's dynamic `guvectorize`). In a process that has resampled float64, float32 would be summed in
    float64 and rounded once, and its last bits would depend on what was resampled before.
    """
    import resampy

    resampy.resample(np.zeros(64, np.float32), 2, 1)
