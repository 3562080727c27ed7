"""Log-mel spectrograms, in float64 NumPy.

`log_mel_spectrogram` is the frontend of VGGish (Hershey et al. 2017, arXiv 1609.09430; the constants
and conventions are those of the AudioSet release, https://github.com/tensorflow/models, folder
research/audioset/vggish): magnitude spectrum of Hann-windowed frames, triangles that are linear on the
HTK mel scale and not normalised, logarithm with a small offset. Frames are not centred and nothing is padded:
only whole frames count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# The HTK mel scale: mel = 1127 · ln(1 + f / 700).
_HTK_BREAK_HZ = 700.0
_HTK_SCALE = 1127.0

# Frames transformed at once: bounds the memory of a long clip (1000 × 512 doubles are 4 MB).
_FRAMES_AT_ONCE = 1000

# Frames in one product of matrices. OpenBLAS gives one of 8 × 257 × 64 to no other thread: several files'
# frontends do not wait for its threads, nor do last bits depend on how many those are.
_FRAMES_IN_PRODUCT = 8


@dataclass(frozen=True)
class MelSettings:
    """The constants of a log-mel spectrogram.

    Attributes:
        sample_rate: of the waveform, Hz.
        window_length: samples a frame.
        hop_length: samples from one frame to the next.
        fft_length: points of the transform; frames are zero-padded to it at their end.
        bands: number of mel bands.
        lower_hz: lower edge of the lowest band.
        upper_hz: upper edge of the highest band.
        log_offset: added to the mel spectrum before the logarithm.
    """

    sample_rate: int
    window_length: int
    hop_length: int
    fft_length: int
    bands: int
    lower_hz: float
    upper_hz: float
    log_offset: float

    def frame_count(self, samples: int) -> int:
        """How many whole frames fit into `samples` samples."""
        if samples < self.window_length:
            return 0
        return 1 + (samples - self.window_length) // self.hop_length


def hertz_to_mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Convert frequencies in Hz to the HTK mel scale."""
    mel: NDArray[np.float64] = _HTK_SCALE * np.log1p(np.asarray(hertz, dtype=np.float64) / _HTK_BREAK_HZ)
    return mel


def periodic_hann(length: int) -> NDArray[np.float64]:
    """Hann window of period `length`: one whole cycle of the cosine, its closing zero left out."""
    phase = 2.0 * np.pi / length * np.arange(length)
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(phase)
    return window


@lru_cache(maxsize=8)
def mel_matrix(settings: MelSettings) -> NDArray[np.float64]:
    """Weights `[fft_length // 2 + 1, bands]` that turn a magnitude spectrum into mel bands.

    Each band is a triangle over the *mel* axis that rises from its neighbour's centre and falls to
    the other's. The bin at 0 Hz belongs to no band.
    """
    bins_hz = np.linspace(0.0, settings.sample_rate / 2.0, settings.fft_length // 2 + 1)
    bins_mel = hertz_to_mel(bins_hz)[:, np.newaxis]
    edges = np.linspace(hertz_to_mel(settings.lower_hz), hertz_to_mel(settings.upper_hz), settings.bands + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins_mel - lower) / (centre - lower)
    falling = (upper - bins_mel) / (upper - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    weights.setflags(write=False)
    return weights


def log_mel_spectrogram(samples: NDArray[np.floating], settings: MelSettings) -> NDArray[np.float64]:
    """Log-mel spectrogram of a mono signal.

    Args:
        samples: `[samples]`, any float type, nominally within ±1, at `settings.sample_rate`.
        settings: the constants.

    Returns:
        float64 `[frames, bands]`, natural logarithm of magnitude; no rows for a signal shorter than
        one window.
    """
    count = settings.frame_count(samples.shape[0])
    spectrogram = np.empty((count, settings.bands))
    if count == 0:
        return spectrogram
    frames = np.lib.stride_tricks.sliding_window_view(samples, settings.window_length)
    frames = frames[:: settings.hop_length]
    window = periodic_hann(settings.window_length)
    weights = mel_matrix(settings)
    for start in range(0, count, _FRAMES_AT_ONCE):
        block = frames[start : start + _FRAMES_AT_ONCE] * window
        magnitude = np.abs(np.fft.rfft(block, settings.fft_length))
        _multiply(magnitude, weights, spectrogram[start : start + len(block)])
    # In place: an hour's spectrogram is 180 MB.
    spectrogram += settings.log_offset
    return np.log(spectrogram, out=spectrogram)


def _multiply(rows: NDArray[np.float64], weights: NDArray[np.float64], result: NDArray[np.float64]) -> None:
    """Put `rows @ weights` into `result`, in small products."""
    size = _FRAMES_IN_PRODUCT
    whole = len(rows) // size * size
    np.matmul(
        rows[:whole].reshape(-1, size, rows.shape[1]),
        weights,
        out=result[:whole].reshape(-1, size, result.shape[1]),
    )
    if whole < len(rows):
        # Some rows twice, for a product of few rows is rounded in another way.
        result[-size:] = rows[-size:] @ weights
