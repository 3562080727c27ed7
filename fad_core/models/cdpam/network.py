"""The encoder of CDPAM, which `cdpam` describes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

KERNEL = 15
LAYERS = 16
_FIRST_CHANNELS = 64
_STAGE = 4  # layers; the last one doubles the channels, and every second column of it is kept


class Encoder(nn.Module):
    """The network: sound `[B, T]` to unit vectors `[B, 512]` of both halves.

    Module names are the checkpoint's (`encoder.0.weight` … `ebatch.15.running_var`).
    """

    def __init__(self, halves: Sequence[int]) -> None:
        """Make the layers.

        Args:
            halves: the halves of the last layer's channels in the order of the outputs.
        """
        super().__init__()
        self.halves = tuple(halves)
        self.encoder, self.ebatch = nn.ModuleList(), nn.ModuleList()
        inputs, outputs = 1, _FIRST_CHANNELS
        for layer in range(1, LAYERS + 1):
            last = layer % _STAGE == 0
            outputs *= 2 if last else 1
            # The original computes all columns and drops every second one.
            self.encoder.append(nn.Conv1d(inputs, outputs, KERNEL, 2 if last else 1, KERNEL // 2))
            self.ebatch.append(nn.BatchNorm1d(outputs))
            inputs = outputs

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Embed sound `[B, T]`, values from -32768 to 32767; returns `[B, 512]` for each of the halves."""
        columns = samples[:, None]
        for convolution, norm in zip(self.encoder, self.ebatch, strict=True):
            columns = functional.leaky_relu(norm(convolution(columns)), 0.1)
        mean = torch.sum(columns, dim=2) / columns.shape[2]
        parts = mean.chunk(2, dim=1)
        return tuple(functional.normalize(parts[half], dim=1) for half in self.halves)
