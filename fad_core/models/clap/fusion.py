"""CLAP's feature fusion: how a model with a window of ten seconds embeds a longer file.

Wu et al., "Large-scale Contrastive Language-Audio Pretraining with Feature Fusion and
Keyword-to-Caption Augmentation", ICASSP 2023 (arXiv 2211.06687), section 2.3. The network is given
four spectrograms of 1001 frames: the whole file's, shrunk, and one stretch each of its front,
its middle and its back. Their patches are fused by attention over channels: Dai et al., "Attentional
Feature Fusion", WACV 2021 (arXiv 2009.14082).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.frontends.filterbanks import triangles
from fad_core.frontends.network import decibels
from fad_core.frontends.settings import LogMelSettings

# Of the attention's hidden layer.
_REDUCTION = 4
# Mel frequencies as HTK defines them: 2595 · log₁₀(1 + f / 700).
_HTK_SCALE, _HTK_BREAK_HZ = 2595.0, 700.0
# Frames transformed at once: bounds the memory of a long file.
_FRAMES_AT_ONCE = 1024


class FusionPatches(nn.Module):
    """Tokens of four spectrograms, `[B, 4, S, S]` to `[B, S·S/16, C]`, for S = 256."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, kernel_size=patch, stride=patch)
        self.norm = nn.LayerNorm(width)
        # A stretch's patches are three times as wide: those of three fit beside each other into one image.
        wide = (patch, 3 * patch)
        self.mel_conv2d = nn.Conv2d(1, width, kernel_size=wide, stride=wide)
        self.fusion_model = AttentionalFusion(width)

    def forward(self, images: torch.Tensor, longer: torch.Tensor) -> torch.Tensor:
        """Project the images, and fuse them where `longer` `[B]` says so; elsewhere the first one counts."""
        whole = self.proj(images[:, :1])
        side = whole.shape[-1]
        stretches = self.mel_conv2d(images[:, 1:].reshape(-1, 1, *images.shape[2:]))
        # [B·3, C, 64, 21] to [B, C, 64, 63], and a column of zeros.
        parts = stretches.unflatten(0, (-1, 3)).permute(0, 2, 3, 1, 4).flatten(3)
        parts = nn.functional.pad(parts, (0, side - parts.shape[-1]))
        fused = self.fusion_model(whole, parts)
        patches = torch.where(longer[:, None, None, None], fused, whole)
        return self.norm(patches.flatten(2).transpose(1, 2))  # type: ignore[no-any-return]


class AttentionalFusion(nn.Module):
    """Weighs two maps `[B, C, H, W]` against each other, value by value."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = width // _REDUCTION
        self.local_att = nn.Sequential(*_pointwise(width, hidden))
        self.global_att = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_pointwise(width, hidden))

    def forward(self, whole: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
        """Twice the mean of the two under weights that both of them, here and on average, decide."""
        both = whole + parts
        weight = torch.sigmoid(self.local_att(both) + self.global_att(both))
        return 2 * whole * weight + 2 * parts * (1 - weight)


def _pointwise(width: int, hidden: int) -> list[nn.Module]:
    down, up = nn.Conv2d(width, hidden, kernel_size=1), nn.Conv2d(hidden, width, kernel_size=1)
    return [down, nn.BatchNorm2d(hidden), nn.ReLU(), up, nn.BatchNorm2d(width)]


class FusionMel:
    """The mel spectrogram of the fusion models, in decibels.

    Unlike the other models', it stands before the network: power of Hann-windowed frames that are centred on
    multiples of the hop (the signal is mirrored at its ends), HTK triangles of height 1, 10 · log₁₀.
    It is that of `torchaudio.transforms.MelSpectrogram` and `AmplitudeToDB`.
    """

    def __init__(self, settings: LogMelSettings) -> None:
        self.settings = settings
        self.window = torch.hann_window(settings.fft_length, dtype=torch.float32)
        self.weights = mel_matrix(settings)

    def __call__(self, samples: NDArray[np.float32]) -> torch.Tensor:
        """The spectrogram `[frames, bands]` of a signal `[samples]`, of at least `fft_length` samples.

        Frames are transformed in blocks: beside the signal and the result, memory is bounded.
        """
        count = self.settings.frame_count(len(samples))
        mel = torch.empty(count, self.settings.bands, dtype=torch.float32)
        blocks = math.ceil(count / _FRAMES_AT_ONCE)
        edges = [count * index // blocks for index in range(blocks + 1)]
        for start, stop in pairwise(edges):
            spectrum = torch.stft(
                torch.from_numpy(self.settings.samples_of_frames(samples, start, stop)),
                self.settings.fft_length,
                self.settings.hop_length,
                window=self.window,
                center=False,
                return_complex=True,
            )
            # [bins, frames] lies with each frame's bins side by side: nothing is copied.
            power = spectrum.abs().square_()
            torch.matmul(power.T, self.weights, out=mel[start:stop])
        return decibels(mel)


def mel_matrix(settings: LogMelSettings) -> torch.Tensor:
    """Return weights `[fft_length // 2 + 1, bands]` of triangles between HTK mel frequencies, linear in Hz.

    In float32 from the first step on, and by PyTorch's functions, as in torchaudio: the lowest bands are but
    one bin wide, and there the rounding of their edges is visible.
    """
    outer = (settings.lower_hz, settings.upper_hz)
    lower, upper = (_HTK_SCALE * math.log10(1.0 + hertz / _HTK_BREAK_HZ) for hertz in outer)
    mels = torch.linspace(lower, upper, settings.bands + 2, dtype=torch.float32)
    edges = _HTK_BREAK_HZ * (10.0 ** (mels / _HTK_SCALE) - 1.0)
    return torch.from_numpy(triangles(settings.frequencies.astype(np.float32), edges.numpy()))


def shrink(mel: torch.Tensor, frames: int) -> torch.Tensor:
    """Shrink a spectrogram `[T, bands]` to fewer frames: `[frames, bands]`.

    Each new frame is a mean of the old ones around it, under a triangle as wide as needed to miss none:
    bilinear interpolation with antialiasing, which is what `torchvision.transforms.Resize` does from
    version 0.17 on. Before, it took two frames and left out those between.
    """
    size = (frames, mel.shape[1])
    image = mel[None, None]
    shrunk = nn.functional.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
    return shrunk[0, 0]
