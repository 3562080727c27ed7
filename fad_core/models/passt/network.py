"""The network of PaSST, which `passt` describes."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from fad_core.models.passt import CLASSES, FRAMES, MEL, WIDTH

PATCH, STRIDE = 16, 10
"""Side of a patch, and distance of two, in bands and in frames."""
ROWS, COLUMNS = ((length - PATCH) // STRIDE + 1 for length in (MEL.bands, FRAMES))
"""Patches beside each other in frequency, and in time in ten seconds."""
_DEPTH, _HEADS, _HIDDEN = 12, 12, 4 * WIDTH
_EPSILON = 1e-6


class PaSST(nn.Module):
    """The network: log-mel spectrograms `[B, 1, 128, T]` to embeddings `[B, 768]` and logits `[B, 527]`.

    Module names are the checkpoint's (`blocks.0.attn.qkv.weight`).
    """

    def __init__(self, *, joined: bool) -> None:
        """Make the layers; if `joined`, they return one array `[B, 1295]`, which begins with the logits."""
        super().__init__()
        self.joined = joined
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, WIDTH, PATCH, STRIDE)})
        # The class token and the distillation token, which precede the patches.
        self.cls_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.dist_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.new_pos_embed = nn.Parameter(torch.empty(1, 2, WIDTH))
        self.freq_new_pos_embed = nn.Parameter(torch.empty(1, WIDTH, ROWS, 1))
        self.time_new_pos_embed = nn.Parameter(torch.empty(1, WIDTH, 1, COLUMNS))
        self.blocks = nn.Sequential(*(Block() for _ in range(_DEPTH)))
        self.norm = nn.LayerNorm(WIDTH, _EPSILON)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES))

    def forward(self, spectrogram: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Embed spectrograms `[B, 1, 128, T]`, 16 ≤ T < 1006."""
        patches = self.patch_embed["proj"](spectrogram)
        columns = patches.shape[3]
        # A short sound has the positions of the first patches.
        patches = patches + self.time_new_pos_embed[:, :, :, :columns] + self.freq_new_pos_embed
        tokens = patches.flatten(2).transpose(1, 2)
        first = torch.cat([self.cls_token, self.dist_token], dim=1) + self.new_pos_embed
        tokens = torch.cat([first.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        tokens = self.norm(self.blocks(tokens)[:, :2])
        embedding = (tokens[:, 0] + tokens[:, 1]) / 2
        logits = self.head(embedding)
        return (torch.cat([logits, embedding], dim=1),) if self.joined else (embedding, logits)


class Block(nn.Module):
    """Attention, then two dense layers, each added to what it was given (pre-norm)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, _EPSILON)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(WIDTH, 3 * WIDTH), "proj": nn.Linear(WIDTH, WIDTH)})
        self.norm2 = nn.LayerNorm(WIDTH, _EPSILON)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(WIDTH, _HIDDEN), "fc2": nn.Linear(_HIDDEN, WIDTH)})

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Transform tokens `[B, N, 768]`."""
        tokens = tokens + self._attend(self.norm1(tokens))
        hidden = functional.gelu(self.mlp["fc1"](self.norm2(tokens)))
        return tokens + self.mlp["fc2"](hidden)  # type: ignore[no-any-return]

    def _attend(self, tokens: torch.Tensor) -> torch.Tensor:
        # [3, B, heads, N, 64]
        heads = self.attn["qkv"](tokens).unflatten(2, (3, _HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.attn["proj"](mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]
