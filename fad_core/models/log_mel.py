"""The tables of a log-mel spectrogram within a network, as a checkpoint holds them."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.filterbanks import fourier_kernels, slaney_mel_matrix
from fad_core.frontends.settings import LogMelSettings
from fad_core.models.checkpoint import Fill


def log_mel_layout(settings: LogMelSettings) -> dict[str, Fill]:
    """Return the tables by the names that PANN's and CLAP's checkpoints have for them.

    They are those of a `Spectrogram` called `spectrogram_extractor` and of a `LogmelFilterBank` called
    `logmel_extractor`. A seeded checkpoint gets their right values: Hann window, Slaney's mel scale.
    """
    bins = settings.fft_length // 2 + 1
    kernel = (bins, 1, settings.fft_length)
    return {
        "spectrogram_extractor.stft.conv_real.weight": Fill(kernel, values=partial(_kernel, settings, 0)),
        "spectrogram_extractor.stft.conv_imag.weight": Fill(kernel, values=partial(_kernel, settings, 1)),
        "logmel_extractor.melW": Fill((bins, settings.bands), values=partial(_mel_matrix, settings)),
    }


# Copies, for the caller may write to a checkpoint's tensors.
def _kernel(settings: LogMelSettings, part: int) -> NDArray[np.float32]:
    return fourier_kernels(settings.fft_length)[part][:, np.newaxis].copy()


def _mel_matrix(settings: LogMelSettings) -> NDArray[np.float32]:
    return slaney_mel_matrix(settings).copy()
