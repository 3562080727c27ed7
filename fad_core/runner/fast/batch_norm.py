"""Batch norms that a convolution before them can take in."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from fad_core.runner.graph import weight_of


def is_inference(network: fx.GraphModule, norm: fx.Node) -> bool:
    """Say whether a batch norm applies what its weights say, instead of the batch's own moments."""
    return norm.args[5] is False and all(weight_of(network, given) is not None for given in norm.args[1:5])


def fold_norm(
    network: fx.GraphModule, norm: fx.Node, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the factors of a convolution's weights, and the bias, that take in the batch norm behind it.

    Both are float64.
    """
    found = [weight_of(network, place) for place in norm.args[1:5]]
    gain, offset, mean, variance = (tensor.double() for tensor in found if tensor is not None)
    epsilon: Any = norm.args[7]
    scale = gain / torch.sqrt(variance + epsilon)
    moved = offset - mean * scale
    if bias is not None:
        moved += bias.double() * scale
    return scale, moved
