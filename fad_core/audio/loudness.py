"""Integrated loudness by ITU-R BS.1770-4, measured by pyloudnorm, which is needed for this alone."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import FadError

_BLOCK_SECONDS = 0.4
_MOST_CHANNELS = 5
_LOWEST_RATE = 4000  # Hz; the filters have corners of 1.7 kHz


def require_meter() -> None:
    """Require the package that measures loudness.

    Raises:
        FadError: it is not installed.
    """
    if find_spec("pyloudnorm") is None:
        raise FadError("loudness needs the package pyloudnorm: pip install pyloudnorm")


def integrated_loudness(samples: NDArray[np.floating[Any]], sample_rate: int) -> float:
    """Measure the integrated loudness of a sound, with its own channels and at its own rate.

    Args:
        samples: `[samples, channels]`; up to five channels, in the order left, right, centre, left
            and right surround.
        sample_rate: sample rate in Hz.

    Returns:
        LUFS.

    Raises:
        ValueError: it cannot be measured, for the reason in the message.
        FadError: pyloudnorm is not installed.

    >>> sine = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000).astype(np.float32)
    >>> round(integrated_loudness(sine[:, np.newaxis], 48000), 2)
    -3.01
    """
    require_meter()
    from pyloudnorm import Meter

    length, channels = samples.shape
    if length < _BLOCK_SECONDS * sample_rate:
        raise ValueError(f"it is shorter than {_BLOCK_SECONDS} s")
    if channels > _MOST_CHANNELS:
        raise ValueError(f"it has {channels} channels, more than {_MOST_CHANNELS}")
    if sample_rate < _LOWEST_RATE:
        raise ValueError(f"its sample rate is {sample_rate} Hz, less than {_LOWEST_RATE} Hz")
    # The default filters are near those of the recommendation, these are the same at 48 kHz.
    meter = Meter(sample_rate, filter_class="DeMan", block_size=_BLOCK_SECONDS)
    measured = float(meter.integrated_loudness(samples.astype(np.float64, copy=False)))
    if not np.isfinite(measured):
        raise ValueError("nothing in it is louder than -70 LUFS")
    return measured
