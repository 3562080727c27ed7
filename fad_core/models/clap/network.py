"""The network of CLAP's audio half, which `clap` describes."""

from __future__ import annotations

import torch
from torch import nn

from fad_core.models.clap.constants import EMBEDDING_DIM, Size
from fad_core.models.clap.htsat import HTSAT


class ClapAudio(nn.Module):
    """The network: sound to unit vectors `[B, 512]`. Module names are the checkpoints'."""

    def __init__(self, size: Size, *, fusion: bool) -> None:
        """Make the network; see `HTSAT`."""
        super().__init__()
        self.audio_branch = HTSAT(size, fusion=fusion)
        self.audio_projection = nn.Sequential(
            nn.Linear(size.features, EMBEDDING_DIM), nn.ReLU(), nn.Linear(EMBEDDING_DIM, EMBEDDING_DIM)
        )

    def forward(self, sound: torch.Tensor, longer: torch.Tensor | None = None) -> torch.Tensor:
        """Embed windows, given as `HTSAT` takes them."""
        return nn.functional.normalize(self.audio_projection(self.audio_branch(sound, longer)), dim=-1)
