"""Modules for log-mel spectrograms inside a network, with tables that its checkpoint holds as weights.

PANN and CLAP were trained on spectrograms computed by torchlibrosa
(https://github.com/qiuqiangkong/torchlibrosa): the Fourier transform is a float32 convolution with windowed
cosines and sines, and these kernels and the mel matrix are tensors of the checkpoint, which must be used in
the same way to embed a sound as they do.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["FourierTransform", "LogmelFilterBank", "Spectrogram", "decibels"]

_LEAST_POWER = 1e-10


class Spectrogram(nn.Module):
    """Power spectrogram: waveforms `[B, L]` to `[B, 1, frames, fft_length / 2 + 1]`.

    >>> import torch
    >>> Spectrogram(512, 160)(torch.zeros(2, 16000)).shape
    torch.Size([2, 1, 101, 257])
    """

    def __init__(self, fft_length: int, hop_length: int, *, centred: bool = True) -> None:
        """Make the module, without its tables, which the checkpoint holds.

        Args:
            fft_length: samples a frame.
            hop_length: samples from one frame to the next.
            centred: pad half a frame to either end by reflection (so that frame k is centred on
                sample k · hop_length; L must be more than half a frame); else only whole frames count.
        """
        super().__init__()
        self.padding = fft_length // 2 if centred else 0
        self.stft = FourierTransform(fft_length, hop_length)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Compute power spectrograms.

        Args:
            waveform: float32 `[B, L]`.

        Returns:
            float32 `[B, 1, frames, fft_length / 2 + 1]`.
        """
        signal = waveform.unsqueeze(1)
        if self.padding:
            signal = nn.functional.pad(signal, (self.padding, self.padding), mode="reflect")
        real, imaginary = self.stft(signal)
        return (real.square() + imaginary.square()).unsqueeze(1)  # type: ignore[no-any-return]


class FourierTransform(nn.Module):
    """Windowed Fourier transform of successive frames, by convolution with the checkpoint's kernels.

    >>> import torch
    >>> real, imaginary = FourierTransform(512, 160)(torch.zeros(2, 1, 16000))
    >>> real.shape
    torch.Size([2, 97, 257])
    """

    def __init__(self, fft_length: int, hop_length: int) -> None:
        """Make the module, without its kernels, which the checkpoint holds.

        Args:
            fft_length: samples a frame.
            hop_length: samples from one frame to the next.
        """
        super().__init__()
        bins = fft_length // 2 + 1
        self.conv_real = nn.Conv1d(1, bins, fft_length, stride=hop_length, bias=False)
        self.conv_imag = nn.Conv1d(1, bins, fft_length, stride=hop_length, bias=False)

    def forward(self, signal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Transform signals.

        Args:
            signal: float32 `[B, 1, L]`; only whole frames count.

        Returns:
            The real and the imaginary part, each float32 `[B, frames, fft_length / 2 + 1]`.
        """
        return self.conv_real(signal).transpose(1, 2), self.conv_imag(signal).transpose(1, 2)


class LogmelFilterBank(nn.Module):
    """Power spectrograms to mel bands in decibels, from -100 up: `[B, 1, T, bins]` to `[B, 1, T, bands]`.

    >>> import torch
    >>> LogmelFilterBank(512, 64)(torch.zeros(2, 1, 101, 257)).shape
    torch.Size([2, 1, 101, 64])
    """

    def __init__(self, fft_length: int, bands: int) -> None:
        """Make the module, without its matrix, which the checkpoint holds.

        Args:
            fft_length: samples a frame of the spectrogram.
            bands: number of mel bands.
        """
        super().__init__()
        self.melW = nn.Parameter(torch.empty(fft_length // 2 + 1, bands))

    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Add the bins of each band up and convert the sums to decibels.

        Args:
            spectrogram: powers, float32 `[B, 1, T, fft_length / 2 + 1]`.

        Returns:
            Decibels, float32 `[B, 1, T, bands]`.
        """
        # Not `matmul`, which asks whether B is 1, so that an exported graph would be specialised to the
        # answer.
        weights = self.melW.expand(spectrogram.shape[0], -1, -1)
        mel = torch.bmm(spectrogram.squeeze(1), weights).unsqueeze(1)
        return decibels(mel)


def decibels(power: torch.Tensor) -> torch.Tensor:
    """Convert powers to decibels, from -100 up.

    Args:
        power: powers, at least 0, of any shape.

    Returns:
        Decibels, of the argument's shape and type.

    >>> import torch
    >>> decibels(torch.tensor([100.0, 0.0]))
    tensor([  20., -100.])
    """
    return 10.0 * torch.log10(torch.clamp(power, min=_LEAST_POWER))
