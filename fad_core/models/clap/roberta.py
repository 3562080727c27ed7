"""RoBERTa-base, which reads a caption for CLAP, and CLAP's text half.

Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019 (arXiv 1907.11692). Module names
are the checkpoints'. B: captions, L: tokens of each, C: width.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from fad_core.models.clap.constants import EMBEDDING_DIM, PADDING, ROBERTA, TextSize


class Embeddings(nn.Module):
    """The sum of a token's vectors for its word, its place and its kind, normalised."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(size.words, size.width)
        self.position_embeddings = nn.Embedding(size.places, size.width)
        self.token_type_embeddings = nn.Embedding(1, size.width)
        self.LayerNorm = nn.LayerNorm(size.width, eps=1e-5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embed token ids, int64 `[B, L]` → `[B, L, C]`."""
        # Places are counted from that of padding on, which counts as no token.
        token = ids != PADDING
        places = torch.cumsum(token, dim=1) * token + PADDING
        kind = self.token_type_embeddings.weight[0]
        summed = self.word_embeddings(ids) + kind + self.position_embeddings(places)
        normalised: torch.Tensor = self.LayerNorm(summed)
        return normalised


class SelfAttention(nn.Module):
    """Attention of all tokens to all."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.query = nn.Linear(size.width, size.width)
        self.key = nn.Linear(size.width, size.width)
        self.value = nn.Linear(size.width, size.width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mix tokens `[B, L, C]`."""
        query, key, value = (
            layer(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        mixed: torch.Tensor = torch.softmax(scores, dim=-1) @ value
        return mixed.transpose(1, 2).flatten(2)


class Output(nn.Module):
    """A dense layer, the sum with what went into its block, and a normalisation."""

    def __init__(self, inputs: int, size: TextSize) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, size.width)
        self.LayerNorm = nn.LayerNorm(size.width, eps=1e-5)

    def forward(self, found: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Return `[B, L, C]`."""
        normalised: torch.Tensor = self.LayerNorm(self.dense(found) + before)
        return normalised


class Layer(nn.Module):
    """One of the transformer's layers."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(size), "output": Output(size.width, size)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(size.width, size.hidden)})
        self.output = Output(size.hidden, size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return `[B, L, C]`."""
        mixed = self.attention["output"](self.attention["self"](tokens), tokens)
        made: torch.Tensor = self.output(nn.functional.gelu(self.intermediate["dense"](mixed)), mixed)
        return made


class Roberta(nn.Module):
    """The transformer, and the layer that makes a vector of its first token."""

    def __init__(self, size: TextSize) -> None:
        super().__init__()
        self.embeddings = Embeddings(size)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(size) for _ in range(size.layers))})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(size.width, size.width)})

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return a vector for each caption, `[B, C]`."""
        tokens = self.embeddings(ids)
        for layer in self.encoder["layer"].children():
            tokens = layer(tokens)
        return torch.tanh(self.pooler["dense"](tokens[:, 0]))


class ClapText(nn.Module):
    """The network: captions to unit vectors `[B, 512]`."""

    def __init__(self, size: TextSize = ROBERTA) -> None:
        super().__init__()
        self.text_branch = Roberta(size)
        self.text_projection = nn.Sequential(
            nn.Linear(size.width, EMBEDDING_DIM), nn.ReLU(), nn.Linear(EMBEDDING_DIM, EMBEDDING_DIM)
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embed captions: token ids, int64 `[B, L]`."""
        return nn.functional.normalize(self.text_projection(self.text_branch(ids)), dim=-1)
