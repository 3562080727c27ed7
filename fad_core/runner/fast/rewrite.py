"""A network that computes the same on a CPU in less time.

The graph of an exported program is rewritten, its file is not: convolutions, products by a matrix, LSTMs and
attention get kernels that suit the processor, together with what stands right behind them: a batch norm, a
ReLU, a pooling. What fits no rule stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import fx

from fad_core.runner.fast import sequence_rules
from fad_core.runner.fast.attention import put_attention
from fad_core.runner.fast.linear import Linear
from fad_core.runner.fast.onednn import PackedConvolution
from fad_core.runner.fast.panels import width
from fad_core.runner.fast.winograd import WinogradConvolution
from fad_core.runner.graph import Chain, argument, constant, let_go, shape, weights_of

aten = torch.ops.aten

LEAST_CHANNELS = 64
"""With fewer inputs, or as few of both, a Winograd convolution's transforms take longer than it saves."""
LARGE_WEIGHT = 256 * 512
"""For more pairs of an input and an output, tiles of 2 × 2: those of 4 × 4 would read 36 large matrices for
few products. They also round more: with them, and sums over 512 inputs, VGGish's largest difference from the
original is 9.0e-6 of the RMS instead of 6.7e-6."""


def rewritten(network: fx.GraphModule) -> fx.GraphModule:
    """Rewrite a network in place; returns it."""
    # The largest weights first: while a kernel is made there are two of them, so the less else the better.
    for node in sorted(network.graph.nodes, key=partial(_held, network), reverse=True):
        rule = _RULES.get(node.target)
        if rule is not None and not node._erased:
            rule(network, node)
    put_attention(network)
    network.graph.eliminate_dead_code()
    used = {node.target for node in network.graph.nodes if node.op == "get_attr"}
    for name in {*network.state_dict()} - used:
        let_go(network, name)
    network.delete_all_unused_submodules()
    network.recompile()
    return network


def _held(network: fx.GraphModule, node: fx.Node) -> int:
    """How many numbers a node's weights hold."""
    weights = (constant(network, given) for given in node.all_input_nodes)
    return sum(weight.numel() for weight in weights if weight is not None)


def _linear(network: fx.GraphModule, node: fx.Node) -> None:
    weight, bias, known = weights_of(network, node)
    if not known:
        return
    chain = Chain(network, node)
    behind = "none"
    if chain.take(aten.relu.default):
        behind = "relu"
    elif chain.take(aten.gelu.default, lambda gelu: not gelu.kwargs):
        behind = "gelu"
    chain.replace(node, Linear(weight, bias, behind))


def _convolution(network: fx.GraphModule, node: fx.Node) -> None:
    weight, bias, known = weights_of(network, node)
    stride, padding, dilation = (
        list(argument(node, place, default) or default)
        for place, default in ((3, [1, 1]), (4, [0, 0]), (5, [1, 1]))
    )
    if not known:
        return
    if argument(node, 6, 1) != 1 or set(dilation) != {1}:
        return
    chain = Chain(network, node)
    chain.take(aten.contiguous.default)
    scale = None
    if norm := chain.take(aten.batch_norm.default, partial(_is_fixed, network)):
        scale, bias = _with_norm(network, norm, bias)
    relu = chain.take(aten.relu.default) is not None
    small = min(weight.shape[:2]) < LEAST_CHANNELS or max(weight.shape[:2]) == LEAST_CHANNELS
    if (
        small
        or width(len(weight)) == 0
        or tuple(weight.shape[2:]) != (3, 3)
        or stride != [1, 1]
        or padding != [1, 1]
    ):
        pool = _pool(chain)
        if scale is not None:
            weight = weight * scale.reshape(-1, 1, 1, 1)
        chain.replace(node, PackedConvolution(weight, bias, stride, padding, relu, pool))
        return
    pool = _pool(chain)
    side = 4 if weight.shape[0] * weight.shape[1] <= LARGE_WEIGHT else 2
    narrow = side == 2 and shape(node)[-1:] == (2,)
    zeros = torch.zeros(weight.shape[0]) if bias is None else bias
    kernel = WinogradConvolution(weight, zeros, scale, side=side, narrow=narrow, relu=relu, pool=pool)
    chain.replace(node, kernel)


def _is_fixed(network: fx.GraphModule, norm: fx.Node) -> bool:
    """Whether a batch norm is the same for every batch, by weights."""
    return norm.args[5] is False and all(constant(network, given) is not None for given in norm.args[1:5])


def _with_norm(
    network: fx.GraphModule, norm: fx.Node, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a convolution's weights are to be multiplied by for the batch norm behind it, and its bias."""
    found = [constant(network, place) for place in norm.args[1:5]]
    gain, offset, mean, variance = (tensor.double() for tensor in found if tensor is not None)
    epsilon: Any = norm.args[7]
    scale = gain / torch.sqrt(variance + epsilon)
    moved = offset - mean * scale
    if bias is not None:
        moved += bias.double() * scale
    return scale.float(), moved.float()


def _pool(chain: Chain) -> str:
    """The pooling behind, if it is one of 2 × 2."""
    for target, name in ((aten.avg_pool2d.default, "mean"), (aten.max_pool2d.default, "max")):
        if chain.take(target, lambda pool: not pool.kwargs and {*map(str, pool.args[1:])} == {"[2, 2]"}):
            return name
    return ""


_RULES: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    aten.linear.default: _linear,
    aten.conv2d.default: _convolution,
    **sequence_rules.RULES,
}
