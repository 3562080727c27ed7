"""Resample by a sinc in a Kaiser window, as fadtk and kadtk ask of torchaudio.

The filter of torchaudio's `resample` with `lowpass_filter_width=64`, `rolloff=0.9475937167399596`,
`beta=14.769656459379492` and `sinc_interp_kaiser` (the parameters of resampy's kaiser_best, as its
documentation has them). For rates in the ratio q : p (in lowest terms), each of p outputs in turn is a
product of its own filter with the inputs around it, and the inputs of the next p are q further on
(https://ccrma.stanford.edu/~jos/resample). torchaudio rounds the phases and the filters to float32: so does
this module, or 3 % of the values would be others in 16 bits. The products are added up in float64 here.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

ZERO_CROSSINGS = 64
ROLLOFF = 0.9475937167399596
BETA = 14.769656459379492

_BLOCK = 1 << 21
"""Numbers of inputs that are multiplied at once, 16 MB."""


def kaiser_sinc_length(samples: int, rate_from: int, rate_to: int) -> int:
    """Return the number of samples that `kaiser_sinc` returns.

    Args:
        samples: length of the waveform in samples.
        rate_from: sample rate of the waveform in Hz.
        rate_to: the sample rate of the result in Hz.

    >>> kaiser_sinc_length(44101, 44100, 16000)
    16001
    """
    return -(-samples * rate_to // rate_from)


def kaiser_sinc(waveform: NDArray[np.float32], rate_from: int, rate_to: int) -> NDArray[np.float32]:
    """Resample a waveform.

    Args:
        waveform: float32 `[channels, samples]`.
        rate_from: its sample rate in Hz.
        rate_to: the sample rate of the result in Hz.

    Returns:
        float32 `[channels, kaiser_sinc_length(samples, rate_from, rate_to)]`.

    Raises:
        ValueError: a rate is not positive.

    >>> kaiser_sinc(np.zeros((1, 44100), np.float32), 44100, 16000).shape
    (1, 16000)
    """
    if rate_from <= 0 or rate_to <= 0:
        raise ValueError(f"sample rates must be positive, not {rate_from} and {rate_to} Hz")
    if rate_from == rate_to:
        return waveform
    divisor = gcd(rate_from, rate_to)
    stride, phases = rate_from // divisor, rate_to // divisor
    filters, width = _filters(stride, phases)
    length = kaiser_sinc_length(waveform.shape[1], rate_from, rate_to)
    steps, taps = -(-length // phases), filters.shape[1]
    result = np.empty((len(waveform), steps * phases), np.float32)
    padded = np.zeros(steps * stride + taps)
    for channel, target in zip(waveform, result, strict=True):
        padded[width : width + len(channel)] = channel
        windows = np.lib.stride_tricks.sliding_window_view(padded, taps)[: steps * stride : stride]
        rows = max(1, _BLOCK // taps)
        for start in range(0, steps, rows):
            block = windows[start : start + rows] @ filters.T
            target[start * phases : start * phases + block.size] = block.reshape(-1)
    return np.ascontiguousarray(result[:, :length])


@lru_cache(maxsize=16)
def _filters(stride: int, phases: int) -> tuple[NDArray[np.float64], int]:
    """Return a filter for each phase `[phases, taps]`, and how many taps lie before the first input."""
    cutoff = min(stride, phases) * ROLLOFF
    width = ceil(ZERO_CROSSINGS * stride / cutoff)
    inputs = np.arange(-width, width + stride) / stride
    shifts = np.arange(phases, dtype=np.float32)[:, np.newaxis] / np.float32(phases)
    times = (inputs - shifts.astype(np.float64)) * cutoff
    times = times.clip(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.i0(BETA * np.sqrt(1 - (times / ZERO_CROSSINGS) ** 2)) / np.i0(BETA)
    filters = np.sinc(times) * window * (cutoff / stride)
    return filters.astype(np.float32).astype(np.float64), width
