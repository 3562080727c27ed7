"""Kernels in place of a graph's convolutions, products with a matrix, and LSTMs.

A kernel replaces an operation together with what follows it immediately: a batch norm, a ReLU, a pooling.
What fits no rule stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import fx

from fad_core.runner.fast import sequence_rules
from fad_core.runner.fast.batch_norm import fold_norm, is_inference
from fad_core.runner.fast.linear import Linear
from fad_core.runner.fast.onednn import PackedConvolution
from fad_core.runner.fast.packed_gemm import panel_registers
from fad_core.runner.fast.winograd import WinogradConvolution
from fad_core.runner.graph import (
    Chain,
    argument_of,
    delete_weight,
    static_shape,
    weight_and_bias,
    weight_of,
)

aten = torch.ops.aten

_LEAST_CHANNELS = 64
"""With fewer inputs, or as few of both, a Winograd convolution's transforms take longer than it saves."""
_LARGE_WEIGHT = 256 * 512
"""For more pairs of an input and an output, tiles of 2 × 2: those of 4 × 4 would read 36 large matrices for
few products. They also round more: with them, and sums over 512 inputs, VGGish's largest difference from the
original is 9.0e-6 of the RMS instead of 6.7e-6."""


def put_kernels(network: fx.GraphModule) -> fx.GraphModule:
    """Replace what there are kernels for, in place; returns the network."""
    # The largest weights first: while a kernel is made there are two of them, so the less else the better.
    for node in sorted(network.graph.nodes, key=partial(_weight_values, network), reverse=True):
        if rule := _RULES.get(node.target):
            rule(network, node)
    network.graph.eliminate_dead_code()
    used = {node.target for node in network.graph.nodes if node.op == "get_attr"}
    for name in {*network.state_dict()} - used:
        delete_weight(network, name)
    network.delete_all_unused_submodules()
    network.recompile()
    return network


def _weight_values(network: fx.GraphModule, node: fx.Node) -> int:
    """Return how many values a node's weights hold."""
    weights = (weight_of(network, given) for given in node.all_input_nodes)
    return sum(weight.numel() for weight in weights if weight is not None)


def _linear(network: fx.GraphModule, node: fx.Node) -> None:
    if (weights := weight_and_bias(network, node)) is None:
        return
    chain = Chain(network, node)
    activation = "none"
    if chain.take(aten.relu.default):
        activation = "relu"
    elif chain.take(aten.gelu.default, lambda gelu: not gelu.kwargs):
        activation = "gelu"
    chain.replace(node, Linear(*weights, activation))


def _product_of_columns(network: fx.GraphModule, node: fx.Node) -> None:
    """Compute a matrix of weights times columns as rows times weights: VGGish's PCA."""
    weight, columns = node.args
    found = weight_of(network, weight)
    if found is None or found.ndim != 2 or len(static_shape(columns)) != 2:
        return
    with network.graph.inserting_before(node):
        rows = network.graph.call_function(aten.numpy_T.default, (columns,))
        product = network.graph.call_function(aten.linear.default, (rows, weight))
        made = network.graph.call_function(aten.numpy_T.default, (product,))
    node.replace_all_uses_with(made)
    network.graph.erase_node(node)
    _linear(network, product)


def _convolution(network: fx.GraphModule, node: fx.Node) -> None:
    stride, padding, dilation = (
        list(argument_of(node, place, default) or default)
        for place, default in ((3, [1, 1]), (4, [0, 0]), (5, [1, 1]))
    )
    weights = weight_and_bias(network, node)
    if weights is None or argument_of(node, 6, 1) != 1 or set(dilation) != {1}:
        return
    weight, bias = weights
    chain = Chain(network, node)
    chain.take(aten.contiguous.default)
    scale = None
    if norm := chain.take(aten.batch_norm.default, partial(is_inference, network)):
        scale, bias = (each.float() for each in fold_norm(network, norm, bias))
    relu = chain.take(aten.relu.default) is not None
    pool = _pool(chain)
    outputs, inputs, *kernel = weight.shape
    large = min(outputs, inputs) >= _LEAST_CHANNELS and max(outputs, inputs) > _LEAST_CHANNELS
    if large and panel_registers(outputs) and (kernel, stride, padding) == ([3, 3], [1, 1], [1, 1]):
        side = 4 if outputs * inputs <= _LARGE_WEIGHT else 2
        zeros = torch.zeros(outputs, dtype=torch.float32) if bias is None else bias
        chain.replace(node, WinogradConvolution(weight, zeros, scale, side=side, relu=relu, pool=pool))
        return
    if scale is not None:
        weight = weight * scale.reshape(-1, 1, 1, 1)
    chain.replace(node, PackedConvolution(weight, bias, stride, padding, relu, pool))


def _pool(chain: Chain) -> str:
    """Take the pooling that follows, if it is one of 2 × 2; returns "mean", "max" or ""."""
    for target, name in ((aten.avg_pool2d.default, "mean"), (aten.max_pool2d.default, "max")):
        if chain.take(target, lambda pool: not pool.kwargs and {*map(str, pool.args[1:])} == {"[2, 2]"}):
            return name
    return ""


_RULES: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    aten.linear.default: _linear,
    aten.matmul.default: _product_of_columns,
    aten.conv2d.default: _convolution,
    **sequence_rules.RULES,
}
