"""The constants of a log-mel spectrogram within a network (`stft`), and its tables in a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.portable_filterbanks import fourier_kernels, slaney_mel_matrix
from fad_core.models.checkpoint import Fill


@dataclass(frozen=True)
class LogMelSettings:
    """The constants of a log-mel spectrogram.

    Attributes:
        sample_rate: of the waveform, Hz.
        fft_length: samples a frame and points of the transform.
        hop_length: samples from one frame to the next.
        bands: number of mel bands.
        lower_hz: lower edge of the lowest band.
        upper_hz: upper edge of the highest band.
    """

    sample_rate: int
    fft_length: int
    hop_length: int
    bands: int
    lower_hz: int
    upper_hz: int

    def frame_count(self, samples: int) -> int:
        """How many frames a signal of so many samples has, with frame k centred on sample k · hop_length."""
        return 1 + samples // self.hop_length


def log_mel_layout(settings: LogMelSettings) -> dict[str, Fill]:
    """The tables by the names that PANN's and CLAP's checkpoints have for them.

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


# Copies: who asks for a checkpoint's tensors may write to them.
def _kernel(settings: LogMelSettings, part: int) -> NDArray[np.float32]:
    return fourier_kernels(settings.fft_length)[part][:, np.newaxis].copy()


def _mel_matrix(settings: LogMelSettings) -> NDArray[np.float32]:
    return slaney_mel_matrix(
        settings.sample_rate, settings.fft_length, settings.bands, settings.lower_hz, settings.upper_hz
    ).copy()
