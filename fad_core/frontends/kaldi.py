"""Log-mel spectrograms of Kaldi's kind, in float32 by PyTorch's functions.

PaSST was trained on spectrograms that PyTorch and torchaudio's port of Kaldi (https://kaldi-asr.org) computed
in float32. The same functions in the same order give the same bits here.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.frontends.filterbanks import triangles
from fad_core.frontends.settings import LogMelSettings

__all__ = ["kaldi_log_mel", "kaldi_mel_matrix"]

# The mel scale: mel = 1127 · ln(1 + f / 700).
_SCALE, _BREAK_HZ = 1127.0, 700.0


def kaldi_log_mel(samples: NDArray[np.float32], settings: LogMelSettings) -> NDArray[np.float32]:
    """Compute the log-mel spectrogram of a mono signal.

    The window is a symmetric Hann window in the middle of the frame. Bands are sums of powers.

    Args:
        samples: float32 `[samples]`, more than half a frame, at `settings.sample_rate`.
        settings: the constants.

    Returns:
        float32 `[bands, frames]`.

    >>> from fad_core.frontends.settings import LogMelSettings
    >>> settings = LogMelSettings(16000, 512, 160, 64, 0, 7500, 400, log_offset=1e-5)
    >>> kaldi_log_mel(np.zeros(16000, np.float32), settings).shape
    (64, 101)
    """
    spectrum = torch.stft(
        torch.from_numpy(samples),
        settings.fft_length,
        settings.hop_length,
        settings.window_length,
        window=torch.hann_window(settings.window_length, periodic=False, dtype=torch.float32),
        center=settings.centred,
        return_complex=True,
    )
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    mel = torch.from_numpy(kaldi_mel_matrix(settings)) @ power
    log_mel: NDArray[np.float32] = torch.log(mel + settings.log_offset).numpy()
    return log_mel


@cache
def kaldi_mel_matrix(settings: LogMelSettings) -> NDArray[np.float32]:
    """Return the weights that turn a power spectrum into mel bands, as torchaudio's port has them.

    Each band is a triangle over the mel axis, in float32 from the first step on: the rounding of the mel
    scale is 1e-5 of a triangle's width. The last bin belongs to no band.

    Args:
        settings: sample rate and edges in Hz, the length of the transform, and the number of bands.

    Returns:
        float32 `[bands, fft_length // 2 + 1]`, which all calls share.

    >>> from fad_core.frontends.settings import LogMelSettings
    >>> kaldi_mel_matrix(LogMelSettings(16000, 512, 160, 64, 0, 8000)).shape
    (64, 257)
    """
    single = np.float32
    outer = (settings.lower_hz, settings.upper_hz)
    lower, upper = (_SCALE * math.log(1.0 + hertz / _BREAK_HZ) for hertz in outer)
    step = (upper - lower) / (settings.bands + 1)
    edges = single(lower) + np.arange(settings.bands + 2, dtype=single) * single(step)
    ratios = single(1.0) + settings.frequencies.astype(single) / single(_BREAK_HZ)
    # NumPy's logarithm has other last bits.
    mels = single(_SCALE) * torch.log(torch.from_numpy(ratios)).numpy()
    weights = np.ascontiguousarray(triangles(mels, edges).T)
    weights[:, -1] = 0.0
    return weights
