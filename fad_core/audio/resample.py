"""Change the sample rate, with the very values of `resampy`, which the original package uses.

They are computed by `fad_core.audio.polyphase`, or by resampy itself where that has no advantage.
"""

from __future__ import annotations

from functools import cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

# resampy's filter table has this many steps between two zero crossings; when the rate falls by a larger
# factor, its step through the table would be zero.
_LARGEST_REDUCTION = 512

# With fewer outputs that have the same phase of the filter, there is nothing to compute side by side.
_WORTHWHILE = 12


def resampled_length(samples: int, rate_from: int, rate_to: int) -> int:
    """Return how many samples `resample` gives.

    Args:
        samples: of the waveform, in each channel.
        rate_from: its sample rate in Hz.
        rate_to: the rate that is wanted, in Hz.

    Returns:
        The count of samples in each channel; 0 if the waveform is too short to give one.
    """
    if rate_from == rate_to:
        return samples
    # In floating point, in this order and cut off, as resampy does it: the exact ratio differs by one
    # sample now and then.
    return int(samples * float(rate_to) / float(rate_from))


def resample(waveform: NDArray[np.float32], rate_from: int, rate_to: int) -> NDArray[np.float32]:
    """Resample with resampy's `kaiser_best` filter, bit for bit as `resampy.resample` on each channel.

    Args:
        waveform: `[channels, samples]`, float32, or float64, for which resampy itself is called.
        rate_from: its sample rate in Hz.
        rate_to: the rate that is wanted, in Hz.

    Returns:
        `[channels, resampled_length(samples, rate_from, rate_to)]`, of the waveform's type.

    Raises:
        ValueError: a rate is not positive, the rate would fall by more than a factor of 512, or the
            waveform is so short that not one sample would come out.
    """
    samples = waveform.shape[-1]
    if rate_from <= 0 or rate_to <= 0:
        raise ValueError(f"sample rates must be positive, not {rate_from} and {rate_to} Hz")
    if rate_from > _LARGEST_REDUCTION * rate_to:
        raise ValueError(f"cannot resample from {rate_from} to {rate_to} Hz: more than a factor of 512")
    if resampled_length(samples, rate_from, rate_to) == 0:
        raise ValueError(f"{samples} samples at {rate_from} Hz are too few to give one at {rate_to} Hz")
    if rate_from == rate_to:
        return waveform
    length = resampled_length(samples, rate_from, rate_to)
    phases = rate_to // gcd(rate_from, rate_to)
    # Imported here, because the compiler that both use takes a second to load, and lengths do not need it.
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

    resampy compiles a loop for the types that it is called with, unless there is one that they can be cast to
    (Numba's dynamic `guvectorize`). In a process that has resampled float64, float32 would be summed up in
    float64 and rounded once, and its last bits would depend on what was resampled before.
    """
    import resampy

    resampy.resample(np.zeros(64, np.float32), 2, 1)
