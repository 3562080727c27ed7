"""A convolution and two layers."""

import torch
from torch import nn


class Network(nn.Module):
    """Embeds `[N, 1, 8, 8]`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.hidden = nn.Linear(128, 16)
        self.out = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        out: torch.Tensor = self.out(torch.relu(self.hidden(pooled.flatten(1))))
        return out


class Classifier(Network):
    """Embeds `[N, 1, 8, 8]`, and takes the first half of the embedding for logits."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        embedding = super().forward(x)
        return embedding, 4 * embedding[:, :8]
