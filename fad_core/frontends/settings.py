"""The constants of a log-mel spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogMelSettings"]


@dataclass(frozen=True)
class LogMelSettings:
    """The constants of a log-mel spectrogram.

    Attributes:
        sample_rate: sample rate of the waveform in Hz.
        fft_length: points of the Fourier transform.
        hop_length: samples from one frame to the next.
        bands: number of mel bands.
        lower_hz: lower edge of the lowest band in Hz.
        upper_hz: upper edge of the highest band in Hz.
        window_length: samples in a frame, which is zero-padded to `fft_length`; 0: `fft_length`.
        centred: whether frame k is centred on sample k · hop_length, with the signal mirrored at its ends;
            else only whole frames count.
        log_offset: added to the mel spectrum before the logarithm.
    """

    sample_rate: int
    fft_length: int
    hop_length: int
    bands: int
    lower_hz: float
    upper_hz: float
    window_length: int = 0
    centred: bool = True
    log_offset: float = 0.0

    def __post_init__(self) -> None:
        if self.window_length == 0:
            object.__setattr__(self, "window_length", self.fft_length)

    def frame_count(self, samples: int) -> int:
        """Return the number of frames of a signal.

        Args:
            samples: length of the signal in samples.

        Returns:
            The number of frames; 0 for a signal shorter than one window whose frames are not centred.

        >>> LogMelSettings(16000, 512, 160, 64, 50, 8000).frame_count(16000)
        101
        >>> LogMelSettings(16000, 512, 160, 64, 50, 8000, centred=False).frame_count(511)
        0
        """
        if self.centred:
            return 1 + samples // self.hop_length
        return max(1 + (samples - self.window_length) // self.hop_length, 0)

    def samples_of_frames(self, waveform: NDArray[np.float32], first: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of centred frames, with the signal mirrored where they extend beyond its ends.

        Args:
            waveform: `[…, samples]`, of any type.
            first: index of the first frame.
            stop: index of the frame after the last.

        Returns:
            `[…, (stop - first - 1) · hop_length + fft_length]`.

        >>> settings = LogMelSettings(16000, 4, 3, 64, 50, 8000)
        >>> settings.samples_of_frames(np.arange(7), 0, 2)
        array([2, 1, 0, 1, 2, 3, 4])
        """
        samples, half = waveform.shape[-1], self.fft_length // 2
        start, end = first * self.hop_length - half, (stop - 1) * self.hop_length + self.fft_length - half
        inside = waveform[..., max(start, 0) : min(end, samples)]
        beyond = [(0, 0)] * (waveform.ndim - 1) + [(max(-start, 0), max(end - samples, 0))]
        return np.pad(inside, beyond, mode="reflect")

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Frequencies of the transform's bins in Hz, `[fft_length // 2 + 1]`."""
        bins = np.arange(self.fft_length // 2 + 1, dtype=np.float64)
        return bins * (self.sample_rate / self.fft_length)
