"""Move a network to a CUDA device, and replace operations that are slow there or take tens of GB.

Observations of EnCodec's graph with PyTorch 2.11 and cuDNN 9 on an H200 (three seconds at 24 kHz, float32):

* One-dimensional convolutions of long signals request up to 37 GB of working memory; with less, they use
  other algorithms, whose rounding differs. A matrix product needs a copy of the signal for each position of
  the kernel, takes a twentieth of the time, and always rounds in the same way.
* A group norm with one group uses one of 132 multiprocessors.
* An LSTM copies its weights in each call unless they are contiguous in memory, and a step takes as long for
  one file as for sixteen, so equal blocks of several files are computed together (`cuda_batches`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from fad_core.runner.graph import (
    argument_of,
    is_fourier_transform,
    replace_weight,
    static_shape,
    weight_of,
)

aten = torch.ops.aten

_LSTM_STEPS = 256
"""Steps of an LSTM in one call of cuDNN, whose working memory grows with them."""
_TRANSFORM_FRAMES = 8192
"""Frames in one product of a Fourier transform."""


def on_cuda(network: fx.GraphModule, device: str) -> fx.GraphModule:
    """Move a network to a device, replace slow or imprecise operations in place, and return it."""
    network.to(device)
    for node in network.graph.nodes:
        if node.op == "get_attr":
            _move(network, node, device)
        elif "device" in node.kwargs:
            node.update_kwarg("device", torch.device(device))
        if node.target in _RULES:
            _RULES[node.target](network, node)
    network.recompile()
    if torch.device(device).type == "cuda":
        # The weights must be copied before a stream other than this thread's uses them.
        torch.cuda.synchronize(device)
    return network


def convolution(
    signal: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Sequence[int] = (1,),
    *_: Any,
) -> torch.Tensor:
    """Convolve signals `[B, C, L]` with a weight `[D, C, K]` as one product; returns `[B, D, T]`."""
    outputs, channels, length = weight.shape
    columns = signal.unfold(2, length, stride[0]).transpose(2, 3).flatten(1, 2)
    matrices = weight.reshape(1, outputs, channels * length).expand(len(signal), -1, -1)
    if bias is None:
        return torch.bmm(matrices, columns)
    return torch.baddbmm(bias[:, None], matrices, columns)


def fourier_transform(
    signal: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Sequence[int] = (1,),
    *_: Any,
) -> torch.Tensor:
    """Convolve with a Fourier transform, adding the products of each sum in their order.

    In decibels, rounding is visible in a bin next to a loud one. On a CPU, oneDNN adds the products in order,
    except for short signals. cuBLAS divides the sums of few columns into parts, to use the whole GPU; with as
    many columns as in this function, it also added them in order (H200, CUDA 13).
    """
    outputs, channels, length = weight.shape
    frames = signal.unfold(2, length, stride[0]).transpose(1, 2)
    rows = frames.reshape(-1, channels * length)
    matrix = weight.reshape(outputs, channels * length)
    made = signal.new_empty((outputs, len(rows)))
    columns = signal.new_zeros((channels * length, _TRANSFORM_FRAMES))
    for start in range(0, len(rows), _TRANSFORM_FRAMES):
        part = rows[start : start + _TRANSFORM_FRAMES]
        columns[:, : len(part)] = part.T
        made[:, start : start + len(part)] = torch.mm(matrix, columns)[:, : len(part)]
    result = made.reshape(outputs, *frames.shape[:2]).transpose(0, 1)
    return result if bias is None else result + bias[:, None]


def group_norm(
    signal: torch.Tensor,
    _groups: int,
    gain: torch.Tensor,
    offset: torch.Tensor,
    epsilon: float = 1e-5,
    *_: Any,
) -> torch.Tensor:
    """Normalise each signal `[B, C, L]` over time and channels, then scale each channel."""
    variance, mean = torch.var_mean(signal, dim=(1, 2), keepdim=True, correction=0)
    scale = gain[:, None] * torch.rsqrt(variance + epsilon)
    return torch.addcmul(offset[:, None] - mean * scale, signal, scale)


def lstm(
    signal: torch.Tensor, state: Sequence[torch.Tensor], weights: Sequence[torch.Tensor], *others: Any
) -> tuple[torch.Tensor, ...]:
    """Run an LSTM over signals `[L, B, C]`, some steps at a time."""
    outputs = []
    for part in torch.split(signal, _LSTM_STEPS):
        output, *state = aten.lstm.input(part, state, weights, *others)
        outputs.append(output)
    return torch.cat(outputs), *state


def _convolution(network: fx.GraphModule, node: fx.Node) -> None:
    """Replace a convolution over time without padding, dilation or groups."""
    padding, dilation = (argument_of(node, place, None) or [default] for place, default in ((4, 0), (5, 1)))
    plain = list(padding) == [0] and list(dilation) == [1] and argument_of(node, 6, 1) == 1
    if plain and len(static_shape(node)) == 3:
        weight = weight_of(network, node.args[1])
        is_transform = weight is not None and is_fourier_transform(weight)
        node.target = fourier_transform if is_transform else convolution


def _norm(_network: fx.GraphModule, node: fx.Node) -> None:
    if (
        node.args[1] == 1
        and len(static_shape(node)) == 3
        and len(node.args) > 3
        and None not in node.args[2:4]
    ):
        node.target = group_norm


def _lstm(network: fx.GraphModule, node: fx.Node) -> None:
    """Replace an LSTM whose first axis is time, and put its weights into one piece of memory."""
    held = [weight_of(network, given) for given in _nodes(node.args[2])]
    weights = [weight for weight in held if weight is not None]
    layers, batch_first = argument_of(node, 4, 1), argument_of(node, 8, True)
    if batch_first or len(weights) != len(held):
        return
    # The module's `_flat_weights` are views of one tensor, as `aten::_cudnn_rnn` requires. It initialises its
    # weights at random, which must not change the caller's random numbers.
    device = weights[0].device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        sizes = weights[0].shape[1], weights[1].shape[1], layers
        module = torch.nn.LSTM(*sizes, bias=bool(node.args[3]), device=device)
    flat_weights = [weight for weight in module._flat_weights if weight is not None]
    if [weight.shape for weight in flat_weights] != [weight.shape for weight in weights]:
        return
    with torch.no_grad():
        for flat, weight in zip(flat_weights, weights, strict=True):
            flat.copy_(weight)
    module.flatten_parameters()
    for given, flat in zip(_nodes(node.args[2]), module._flat_weights, strict=True):
        assert flat is not None
        replace_weight(network, str(given.target), flat.detach())
    node.target = lstm


def _nodes(given: Any) -> Sequence[fx.Node]:
    return list(given)


def _move(network: fx.GraphModule, node: fx.Node, device: str) -> None:
    """Move a tensor that is neither a parameter nor a buffer."""
    held = weight_of(network, node)
    if held is not None and held.device.type == "cpu":
        replace_weight(network, str(node.target), held.to(device))


_RULES: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    aten.conv1d.default: _convolution,
    aten.group_norm.default: _norm,
    aten.lstm.input: _lstm,
}
