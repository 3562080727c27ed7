"""GPT-2, which reads a caption for MS-CLAP, and MS-CLAP's text half.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019. Module names are the
checkpoint's. B: captions, L: tokens of each, C: width.
"""

from __future__ import annotations

import torch
from torch import nn

from fad_core.models.clap.constants import TextSize
from fad_core.models.msclap.network import Projection
from fad_core.models.msclap.text import PADDING, SIZE


class Attention(nn.Module):
    """Attention of each token to itself and to those before it."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.c_attn = nn.Linear(size.width, 3 * size.width)
        self.c_proj = nn.Linear(size.width, size.width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mix tokens `[B, L, C]`."""
        query, key, value = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in self.c_attn(tokens).chunk(3, dim=-1)
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        made: torch.Tensor = self.c_proj(mixed.transpose(1, 2).flatten(2))
        return made


class Layer(nn.Module):
    """One of the transformer's layers; each part is added to what went into it."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(size.width)
        self.attn = Attention(size)
        self.ln_2 = nn.LayerNorm(size.width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(size.width, size.hidden), "c_proj": nn.Linear(size.hidden, size.width)}
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return `[B, L, C]`."""
        tokens = tokens + self.attn(self.ln_1(tokens))
        hidden = nn.functional.gelu(self.mlp["c_fc"](self.ln_2(tokens)), approximate="tanh")
        added: torch.Tensor = tokens + self.mlp["c_proj"](hidden)
        return added


class Gpt2(nn.Module):
    """The transformer: a vector for each caption."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.wte = nn.Embedding(size.words, size.width)
        self.wpe = nn.Embedding(size.places, size.width)
        self.h = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.ln_f = nn.LayerNorm(size.width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the vector of one token of each caption, `[B, C]`.

        The original counts the tokens that are not padding, and takes the last of so many. Padding is an
        exclamation mark: with those in a caption, it is an earlier token than the last one.
        """
        tokens = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for layer in self.h.children():
            tokens = layer(tokens)
        last = (ids != PADDING).sum(dim=1) - 1
        normalised: torch.Tensor = self.ln_f(tokens[torch.arange(ids.shape[0], device=ids.device), last])
        return normalised


class MsClapText(nn.Module):
    """The network: token ids, int64 `[B, L]`, to vectors `[B, 1024]`."""

    def __init__(self, dimension: int, size: TextSize = SIZE) -> None:
        super().__init__()
        self.caption_encoder = nn.ModuleDict(
            {"base": Gpt2(size), "projection": Projection(size.width, dimension)}
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embed captions."""
        features = self.caption_encoder["base"](ids)
        return self.caption_encoder["projection"](features)  # type: ignore[no-any-return]
