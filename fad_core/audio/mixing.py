"""Mix the channels of a waveform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PAIRWISE_CHANNELS = 8  # from this number on, NumPy sums pairwise


def to_mono(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix to one channel: the float32 mean over the channels, as the original package computes it.

    Args:
        waveform: float32 `[channels, samples]`.

    Returns:
        `[1, samples]`, float32.

    >>> to_mono(np.array([[0.0, 1.0], [0.5, 0.5]], np.float32))
    array([[0.25, 0.75]], dtype=float32)
    """
    if len(waveform) == 1:
        return waveform
    if len(waveform) >= _PAIRWISE_CHANNELS:
        # The order of the sum, and so the rounding, depends on the memory layout, which must be that of the
        # original: samples by channels.
        mean: NDArray[np.float32] = np.mean(np.ascontiguousarray(waveform.T), axis=1)
        return mean[np.newaxis]
    # NumPy sums so few channels one after the other; this does the same for all samples at a time.
    total: NDArray[np.float32] = waveform[0].copy()
    for channel in waveform[1:]:
        total += channel
    total /= np.float32(len(waveform))
    return total[np.newaxis]


def mix(waveform: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Mix to the number of channels that a model takes.

    For one channel, the result is the mean of all (`to_mono`). For two, stereo is unchanged; mono is
    duplicated, and so is the mean of more than two channels, because a file need not say to which
    loudspeaker a channel belongs.

    Args:
        waveform: float32 `[C, samples]`.
        channels: number of channels of the model, 1 or 2.

    Returns:
        `[channels, samples]`, float32.

    >>> mix(np.array([[0.0, 1.0], [1.0, 1.0]], np.float32), 1)
    array([[0.5, 1. ]], dtype=float32)
    """
    if waveform.shape[0] == channels:
        return waveform
    return np.repeat(to_mono(waveform), channels, axis=0)
