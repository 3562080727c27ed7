"""Fourier kernels, windows and mel matrices that are the same on every machine, to the last bit.

Some checkpoints hold these tables among their weights, so a seeded checkpoint needs them, and its hash is
pinned. Libraries' sines and logarithms differ in their last bits from one processor to the next. Here
they come from Python's `decimal`, each rounded once to the nearest float64, and all else is +, -, *, /
of single numbers, which IEEE 754 fixes exactly.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray

# float64 holds 17 digits; the rest is for what the sums below lose.
_DIGITS = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")

# The mel scale of Slaney's Auditory Toolbox (1998): linear below 1000 Hz, 15 mels there; above it 27 mels
# for each factor of 6.4.
_BREAK_HZ = Decimal(1000)
_HZ_A_MEL = Decimal(200) / Decimal(3)
_OCTAVE, _MELS_AN_OCTAVE = Decimal("6.4"), Decimal(27)


def hann_window(length: int) -> NDArray[np.float64]:
    """Periodic Hann window `[length]`: one whole cycle, its closing zero left out."""
    window: NDArray[np.float64] = 0.5 - 0.5 * _cosines(length)
    return window


@cache
def fourier_kernels(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Real and imaginary part of the discrete Fourier transform of Hann-windowed frames.

    Args:
        length: of a frame in samples, a multiple of four.

    Returns:
        Two read-only arrays, float32 `[length / 2 + 1, length]`: row k holds cos(2πkn / length), or
        -sin(2πkn / length), times the window.
    """
    cosines, window = _cosines(length), hann_window(length)
    cycles = np.outer(np.arange(length // 2 + 1), np.arange(length))
    real = cosines[cycles % length] * window
    # -sin φ is cos(φ + a quarter turn).
    imaginary = cosines[(cycles + length // 4) % length] * window
    return _single(real), _single(imaginary)


@cache
def slaney_mel_matrix(
    sample_rate: int, fft_length: int, bands: int, lower_hz: int, upper_hz: int
) -> NDArray[np.float32]:
    """Weights that turn a power spectrum into mel bands, as `librosa.filters.mel` gives them by default.

    Each band is a triangle over the frequency axis in Hz, from its neighbour's centre to the other's,
    divided by its width so that all have the same area. The centres are equally far apart on Slaney's mel
    scale.

    Args:
        sample_rate: in Hz.
        fft_length: points of the transform.
        bands: how many.
        lower_hz: lower edge of the lowest band.
        upper_hz: upper edge of the highest band.

    Returns:
        Read-only float32 `[fft_length / 2 + 1, bands]`.
    """
    edges = _mel_edges(bands, lower_hz, upper_hz)
    bins = np.arange(fft_length // 2 + 1) * (sample_rate / fft_length)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, np.newaxis] - lower) / (centre - lower)
    falling = (upper - bins[:, np.newaxis]) / (upper - centre)
    # librosa rounds the triangles to float32 before it divides them by their widths.
    triangles = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    return _single(triangles.astype(np.float64) * (2.0 / (upper - lower)))


@cache
def _cosines(length: int) -> NDArray[np.float64]:
    """cos(2πk / length) for k = 0 … length - 1, each to the nearest float64."""
    if length % 4:
        raise ValueError(f"a period of {length} samples does not divide into quarters")
    with localcontext() as context:
        context.prec = _DIGITS
        quarter = [_cosine(2 * _PI * k / length) for k in range(length // 4)]
    # The other quarters mirror the first; the zeros between them are exact.
    first = [*map(float, quarter), 0.0]
    half = first + [-value for value in first[-2::-1]]
    return np.array(half + half[-2:0:-1])


def _cosine(angle: Decimal) -> Decimal:
    """By its power series, to the context's precision."""
    term = total = Decimal(1)
    squared, order = angle * angle, 0
    while total + term != total or order == 0:
        order += 2
        term = -term * squared / (order * (order - 1))
        total += term
    return total


def _mel_edges(bands: int, lower_hz: int, upper_hz: int) -> NDArray[np.float64]:
    """Edges and centres of the bands in Hz, `[bands + 2]`."""
    with localcontext() as context:
        context.prec = _DIGITS
        lowest, highest = _hertz_to_mel(Decimal(lower_hz)), _hertz_to_mel(Decimal(upper_hz))
        step = (highest - lowest) / (bands + 1)
        return np.array([float(_mel_to_hertz(lowest + step * k)) for k in range(bands + 2)])


def _hertz_to_mel(hertz: Decimal) -> Decimal:
    if hertz < _BREAK_HZ:
        return hertz / _HZ_A_MEL
    return _BREAK_HZ / _HZ_A_MEL + (hertz / _BREAK_HZ).ln() / _OCTAVE.ln() * _MELS_AN_OCTAVE


def _mel_to_hertz(mel: Decimal) -> Decimal:
    above = mel - _BREAK_HZ / _HZ_A_MEL
    if above < 0:
        return mel * _HZ_A_MEL
    return _BREAK_HZ * (above / _MELS_AN_OCTAVE * _OCTAVE.ln()).exp()


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    single = values.astype(np.float32)
    single.setflags(write=False)
    return single
