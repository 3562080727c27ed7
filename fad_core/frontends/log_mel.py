"""Log-mel spectrograms in float64 NumPy.

`log_mel_spectrogram` is the frontend of VGGish (Hershey et al. 2017, arXiv 1609.09430; the constants
and conventions are those of the AudioSet release, https://github.com/tensorflow/models, folder
research/audioset/vggish): magnitude spectrum of Hann-windowed frames, triangles that are linear on the
HTK mel scale and not normalised, natural logarithm with a small offset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.filterbanks import hann_window, htk_mel_matrix
from fad_core.frontends.settings import LogMelSettings

__all__ = ["log_mel_spectrogram"]

# Frames transformed at once: bounds the memory of a long clip (1000 × 512 doubles are 4 MB).
_FRAMES_AT_ONCE = 1000

# Frames in one product of matrices. OpenBLAS computes one of 8 × 257 × 64 in the calling thread: several
# files' frontends do not wait for its threads, nor do last bits depend on how many those are.
_FRAMES_IN_PRODUCT = 8


def log_mel_spectrogram(samples: NDArray[np.floating], settings: LogMelSettings) -> NDArray[np.float64]:
    """Compute the log-mel spectrogram of a mono signal.

    Args:
        samples: `[samples]`, any float type, nominally within ±1, at `settings.sample_rate`.
        settings: the constants; frames must not be centred.

    Returns:
        float64 `[frames, bands]`; no rows for a signal shorter than one window.

    Raises:
        ValueError: the settings say that frames are centred.

    >>> from fad_core.frontends.settings import LogMelSettings
    >>> settings = LogMelSettings(16000, 512, 160, 64, 125, 7500, 400, centred=False, log_offset=0.01)
    >>> log_mel_spectrogram(np.zeros(16000), settings).shape
    (98, 64)
    """
    if settings.centred:
        raise ValueError("log_mel_spectrogram has no centred frames")
    count = settings.frame_count(samples.shape[0])
    spectrogram = np.empty((count, settings.bands))
    if count == 0:
        return spectrogram
    frames = np.lib.stride_tricks.sliding_window_view(samples, settings.window_length)
    frames = frames[:: settings.hop_length]
    window = hann_window(settings.window_length)
    weights = htk_mel_matrix(settings)
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
        # Some rows are computed again, for a product of few rows rounds otherwise.
        result[-size:] = rows[-size:] @ weights
