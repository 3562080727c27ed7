"""HTS-AT: a Swin transformer over the log-mel spectrogram of ten seconds of sound.

Chen et al., "HTS-AT: A Hierarchical Token-Semantic Audio Transformer for Sound Classification and
Detection", ICASSP 2022 (arXiv 2202.00874), as LAION-CLAP uses it (https://github.com/LAION-AI/CLAP).

    480 000 samples at 48 kHz → log-mel [1001 frames, 64 bands] → batch norm of each band → stretched
    to 1024 frames → folded into a square: four stretches of 256 frames below each other [256, 256]
    → patches of 4 × 4 become tokens [64 · 64, C] → four Swin stages → tokens [8 · 8, 8C] → their mean [8C]

MS-CLAP (`msclap`) has it for seven seconds at 44.1 kHz: 965 frames, which are stretched, too. The classifier
that follows in HTS-AT (`tscam_conv`, `head`) has no part in the embedding.
"""

from __future__ import annotations

import torch
from torch import nn

from fad_core.frontends.network import LogmelFilterBank, Spectrogram
from fad_core.frontends.settings import LogMelSettings
from fad_core.models.clap.constants import MEL, Size
from fad_core.models.clap.fusion import FusionPatches
from fad_core.models.clap.swin import SwinStage

_SIDE = 256
_FOLDS = _SIDE // MEL.bands
_PATCH = 4


class HTSAT(nn.Module):
    """Sound to one vector; module names are those of the checkpoints' `audio_branch` (MS-CLAP: `htsat`)."""

    def __init__(self, size: Size, mel: LogMelSettings = MEL, *, fusion: bool = False) -> None:
        """Make the network.

        Args:
            size: `TINY` or `BASE`.
            mel: of its spectrogram, without fusion; with as many bands as `MEL`.
            fusion: whether it takes four spectrograms of a file instead of a waveform.
        """
        super().__init__()
        self.fusion = fusion
        self.size = size
        if not fusion:
            self.spectrogram_extractor = Spectrogram(mel.fft_length, mel.hop_length)
            self.logmel_extractor = LogmelFilterBank(mel.fft_length, mel.bands)
        self.bn0 = nn.BatchNorm2d(MEL.bands)
        patches = FusionPatches if fusion else Patches
        self.patch_embed = patches(size.width, _PATCH)
        last = len(size.depths) - 1
        self.layers = nn.ModuleList(
            SwinStage(size.width << index, _SIDE // _PATCH >> index, depth, heads, merge=index < last)
            for index, (depth, heads) in enumerate(zip(size.depths, size.heads, strict=True))
        )
        self.norm = nn.LayerNorm(size.features)

    def forward(self, sound: torch.Tensor, longer: torch.Tensor | None = None) -> torch.Tensor:
        """Embed windows.

        Args:
            sound: waveforms `[B, samples]` of at most 1024 frames, such as `[B, 480000]`; with fusion, mel
                spectrograms in decibels `[B, 4, 1001, 64]`: the whole file's, and those of a stretch of its
                front, middle and back.
            longer: with fusion, bool `[B]`: whether the last three are to be heeded.

        Returns:
            `[B, 8C]`.
        """
        mel = sound if self.fusion else self.logmel_extractor(self.spectrogram_extractor(sound))
        # Batch norm takes the second axis for channels: the bands.
        image = fold(stretch(self.bn0(mel.transpose(1, 3)).transpose(1, 3)))
        tokens = self.patch_embed(image) if longer is None else self.patch_embed(image, longer)
        for stage in self.layers:
            tokens = stage(tokens)
        return self.norm(tokens).mean(dim=1)  # type: ignore[no-any-return]


class Patches(nn.Module):
    """Each patch of 4 × 4 pixels becomes a token: `[B, 1, S, S]` to `[B, S·S/16, C]`."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, kernel_size=patch, stride=patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Cut and project images."""
        return self.norm(self.proj(image).flatten(2).transpose(1, 2))  # type: ignore[no-any-return]


def stretch(mel: torch.Tensor) -> torch.Tensor:
    """Interpolate spectrograms `[B, K, T, 64]` to 1024 frames, by cubics through four frames each."""
    size = (_FOLDS * _SIDE, MEL.bands)
    return nn.functional.interpolate(mel, size, mode="bicubic", align_corners=True)


def fold(mel: torch.Tensor) -> torch.Tensor:
    """Lay four stretches of a spectrogram `[B, K, 1024, 64]` below each other: `[B, K, 256, 256]`.

    Rows are bands, columns frames: 64 rows of the first 256 frames, 64 of the next.
    """
    batch, kinds = mel.shape[:2]
    return mel.reshape(batch, kinds, _FOLDS, _SIDE, MEL.bands).transpose(3, 4).flatten(2, 3)
