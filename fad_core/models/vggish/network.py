"""The network of VGGish, which `vggish` describes."""

from __future__ import annotations

import torch
from torch import nn

from fad_core.models.vggish.constants import (
    EMBEDDING_DIM,
    MEL,
    PATCH_FRAMES,
    QUANTIZE_MAX,
    QUANTIZE_MIN,
    QUANTIZE_STEPS,
)

_STAGES = ((64,), (128,), (256, 256), (512, 512))
_HIDDEN = 4096
# What the last pooling leaves: 512 channels of 96/16 frames × 64/16 bands.
_FLAT = 512 * (PATCH_FRAMES // 16) * (MEL.bands // 16)


class VGGish(nn.Module):
    """The network: log-mel patches `[B, 1, 96, 64]` to embeddings `[B, 128]`.

    Module names are the checkpoint's (`features.0.weight` … `embeddings.4.bias`, `pca_means`).
    """

    def __init__(self, *, pca: bool, activation: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for stage in _STAGES:
            for width in stage:
                layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(kernel_size=2))
        self.features = nn.Sequential(*layers)
        head = [nn.Linear(_FLAT, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU()]
        head.append(nn.Linear(_HIDDEN, EMBEDDING_DIM))
        if activation:
            head.append(nn.ReLU())
        self.embeddings = nn.Sequential(*head)
        self.pca = pca
        self.pca_eigen_vectors: torch.Tensor
        self.pca_means: torch.Tensor
        if pca:
            self.register_buffer("pca_eigen_vectors", torch.empty(EMBEDDING_DIM, EMBEDDING_DIM))
            self.register_buffer("pca_means", torch.empty(EMBEDDING_DIM))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Embed patches `[B, 1, 96, 64]`; returns `[B, 128]`."""
        # Channels last, as in the TensorFlow release, whose weights these are; in memory too, for which the
        # convolutions have faster kernels.
        image = self.features[0](features).contiguous(memory_format=torch.channels_last)
        flat = self.features[1:](image).permute(0, 2, 3, 1).flatten(start_dim=1)
        embedding: torch.Tensor = self.embeddings(flat)
        return self._quantise(self._project(embedding)) if self.pca else embedding

    def _project(self, embedding: torch.Tensor) -> torch.Tensor:
        return (self.pca_eigen_vectors @ (embedding.T - self.pca_means.reshape(-1, 1))).T

    @staticmethod
    def _quantise(projected: torch.Tensor) -> torch.Tensor:
        clipped = torch.clamp(projected, QUANTIZE_MIN, QUANTIZE_MAX)
        return torch.round((clipped - QUANTIZE_MIN) * (QUANTIZE_STEPS / (QUANTIZE_MAX - QUANTIZE_MIN)))
