"""Windows, mel scales, filterbanks and Fourier kernels.

Each is what an original package computes, and some of these differ in no more than their last bits.
*Portable* ones are the same on every machine, to the last bit: checkpoints hold them among their weights, so
a seeded checkpoint needs them, and its hash is pinned. Libraries' sines and logarithms differ in their last
bits from one processor to the next. Here they come from Python's `decimal`, each rounded once to the nearest
float64, and all else is +, -, *, / of single numbers, which IEEE 754 fixes exactly.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.settings import LogMelSettings

__all__ = [
    "fourier_kernels",
    "hann_window",
    "hertz_to_htk_mel",
    "htk_mel_matrix",
    "portable_hann_window",
    "slaney_mel_matrix",
    "triangles",
]

_Float = TypeVar("_Float", np.float32, np.float64)

# The HTK mel scale: mel = 1127 · ln(1 + f / 700).
_HTK_SCALE, _HTK_BREAK_HZ = 1127.0, 700.0

# The mel scale of Slaney's Auditory Toolbox (1998): linear below 1000 Hz, 15 mels there; above it 27 mels
# for each factor of 6.4.
_SLANEY_BREAK_HZ = Decimal(1000)
_SLANEY_HZ_PER_MEL = Decimal(200) / Decimal(3)
_SLANEY_FACTOR, _SLANEY_MELS_PER_FACTOR = Decimal("6.4"), Decimal(27)

# float64 holds 17 digits; the rest is for what the sums below lose.
_DIGITS = 50
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def hann_window(length: int) -> NDArray[np.float64]:
    """Compute the periodic Hann window: one whole cycle, its closing zero left out.

    Args:
        length: number of samples, at least 1.

    Returns:
        float64 `[length]`.

    >>> hann_window(4).round(15).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    phase = 2.0 * np.pi / length * np.arange(length)
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(phase)
    return window


def triangles(points: NDArray[_Float], edges: NDArray[_Float]) -> NDArray[_Float]:
    """Return triangles of height 1, each from one edge over the next, its centre, to the one after that.

    Args:
        points: `[N]`, where they are evaluated.
        edges: `[bands + 2]`, ascending, on the scale of the points.

    Returns:
        `[N, bands]`, of the arguments' type.

    >>> triangles(np.array([0.0, 0.5, 1.0, 1.5]), np.array([0.0, 1.0, 2.0])).tolist()
    [[0.0], [0.5], [1.0], [0.5]]
    """
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (points[:, np.newaxis] - lower) / (centre - lower)
    falling = (upper - points[:, np.newaxis]) / (upper - centre)
    weights: NDArray[_Float] = np.maximum(points.dtype.type(0.0), np.minimum(rising, falling))
    return weights


def hertz_to_htk_mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Convert frequencies to the HTK mel scale.

    Args:
        hertz: frequencies in Hz, at least 0; an array of any shape, or one number.

    Returns:
        Mels, float64, of the argument's shape.

    >>> round(float(hertz_to_htk_mel(1000.0)))
    1000
    """
    mel: NDArray[np.float64] = _HTK_SCALE * np.log1p(np.asarray(hertz, dtype=np.float64) / _HTK_BREAK_HZ)
    return mel


@cache
def htk_mel_matrix(settings: LogMelSettings) -> NDArray[np.float64]:
    """Return the weights that turn a magnitude spectrum into mel bands, as the AudioSet release has them.

    Each band is a triangle over the *mel* axis. The bin at 0 Hz belongs to no band.

    Args:
        settings: sample rate and edges in Hz, the length of the transform, and the number of bands.

    Returns:
        Read-only float64 `[fft_length // 2 + 1, bands]`.

    >>> from fad_core.frontends.settings import LogMelSettings
    >>> htk_mel_matrix(LogMelSettings(16000, 512, 160, 64, 125, 7500)).shape
    (257, 64)
    """
    lowest, highest = hertz_to_htk_mel(settings.lower_hz), hertz_to_htk_mel(settings.upper_hz)
    edges = np.linspace(lowest, highest, settings.bands + 2)
    weights = triangles(hertz_to_htk_mel(settings.frequencies), edges)
    weights[0] = 0.0
    weights.setflags(write=False)
    return weights


@cache
def slaney_mel_matrix(settings: LogMelSettings) -> NDArray[np.float32]:
    """Return the weights that turn a power spectrum into mel bands, as `librosa.filters.mel` has them;
    portable.

    Each band is a triangle over the frequency axis in Hz, divided by its width so that all have the same
    area. The centres are equally far apart on Slaney's mel scale.

    Args:
        settings: sample rate and edges in Hz, the length of the transform, and the number of bands.

    Returns:
        Read-only float32 `[fft_length // 2 + 1, bands]`.

    >>> from fad_core.frontends.settings import LogMelSettings
    >>> slaney_mel_matrix(LogMelSettings(16000, 512, 160, 64, 50, 8000)).shape
    (257, 64)
    """
    edges = _slaney_edges(settings)
    # librosa rounds the triangles to float32 before it divides them by their widths.
    heights = triangles(settings.frequencies, edges).astype(np.float32)
    return _read_only_float32(heights.astype(np.float64) * (2.0 / (edges[2:] - edges[:-2])))


@cache
def fourier_kernels(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return real and imaginary part of the Fourier transform of Hann-windowed frames; portable.

    Args:
        length: samples a frame, a multiple of four.

    Returns:
        Two read-only arrays, float32 `[length / 2 + 1, length]`: row k holds cos(2πkn / length), or
        -sin(2πkn / length), times the window.

    Raises:
        ValueError: the length is not a multiple of four.

    >>> cosines, sines = fourier_kernels(8)
    >>> cosines.shape
    (5, 8)
    """
    cosines, window = _cosines(length), portable_hann_window(length)
    cycles = np.outer(np.arange(length // 2 + 1), np.arange(length))
    real = cosines[cycles % length] * window
    # -sin φ is cos(φ + a quarter turn).
    imaginary = cosines[(cycles + length // 4) % length] * window
    return _read_only_float32(real), _read_only_float32(imaginary)


def portable_hann_window(length: int) -> NDArray[np.float64]:
    """Compute the periodic Hann window, each value rounded once from 50 digits; portable.

    Args:
        length: number of samples, a multiple of four.

    Returns:
        float64 `[length]`.

    Raises:
        ValueError: the length is not a multiple of four.

    >>> portable_hann_window(4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    window: NDArray[np.float64] = 0.5 - 0.5 * _cosines(length)
    return window


@cache
def _cosines(length: int) -> NDArray[np.float64]:
    """Return cos(2πk / length) for k = 0 … length - 1, each the nearest float64."""
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
    """Return the cosine to the context's precision, by its power series."""
    term = total = Decimal(1)
    squared, order = angle * angle, 0
    while total + term != total or order == 0:
        order += 2
        term = -term * squared / (order * (order - 1))
        total += term
    return total


def _slaney_edges(settings: LogMelSettings) -> NDArray[np.float64]:
    """Return edges and centres of the bands in Hz, `[bands + 2]`."""
    with localcontext() as context:
        context.prec = _DIGITS
        lowest = _hertz_to_slaney_mel(Decimal(settings.lower_hz))
        step = (_hertz_to_slaney_mel(Decimal(settings.upper_hz)) - lowest) / (settings.bands + 1)
        return np.array([float(_slaney_mel_to_hertz(lowest + step * k)) for k in range(settings.bands + 2)])


def _hertz_to_slaney_mel(hertz: Decimal) -> Decimal:
    if hertz < _SLANEY_BREAK_HZ:
        return hertz / _SLANEY_HZ_PER_MEL
    above = (hertz / _SLANEY_BREAK_HZ).ln() / _SLANEY_FACTOR.ln() * _SLANEY_MELS_PER_FACTOR
    return _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL + above


def _slaney_mel_to_hertz(mel: Decimal) -> Decimal:
    above = mel - _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
    if above < 0:
        return mel * _SLANEY_HZ_PER_MEL
    return _SLANEY_BREAK_HZ * (above / _SLANEY_MELS_PER_FACTOR * _SLANEY_FACTOR.ln()).exp()


def _read_only_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    single = values.astype(np.float32)
    single.setflags(write=False)
    return single
