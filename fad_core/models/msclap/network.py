"""The network of MS-CLAP's audio half, which `msclap` describes."""

from __future__ import annotations

import torch
from torch import nn

from fad_core.models.clap.constants import TINY
from fad_core.models.clap.htsat import HTSAT
from fad_core.models.msclap import EMBEDDING_DIM, MEL


class MsClapAudio(nn.Module):
    """The network: waveforms `[B, 308700]` to `[B, 1024]`. Module names are the checkpoint's."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.ModuleDict({"htsat": HTSAT(TINY, MEL)})
        self.projection = Projection(TINY.features, EMBEDDING_DIM)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Embed windows."""
        return self.projection(self.base["htsat"](sound))  # type: ignore[no-any-return]


class Projection(nn.Module):
    """A dense layer, to which a second one is added, normalised: `[B, inputs]` to `[B, outputs]`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(inputs, outputs, bias=False)
        self.linear2 = nn.Linear(outputs, outputs, bias=False)
        self.layer_norm = nn.LayerNorm(outputs)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project features."""
        first = self.linear1(features)
        second = self.linear2(nn.functional.gelu(first))
        return self.layer_norm(first + second)  # type: ignore[no-any-return]
