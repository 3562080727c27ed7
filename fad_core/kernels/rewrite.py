"""A network that computes the same on a CPU in less time.

The graph of an exported program is rewritten, its file is not: convolutions and products by a matrix get
kernels that suit the processor, together with what stands right behind them: a batch norm, a ReLU, a
pooling. What fits no rule stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx, nn

from fad_core.kernels.onednn import PackedConvolution, PackedLinear
from fad_core.kernels.sequences import Elu, Joined, SequenceNorm
from fad_core.kernels.winograd import WinogradConvolution

aten = torch.ops.aten

LEAST_CHANNELS = 64
"""With fewer inputs, or as few of both, a Winograd convolution's transforms take longer than it saves."""
LONGEST_KERNEL = 16
"""A longer one is a Fourier transform, written as a convolution. Spectrograms in decibels show its rounding
errors where there is silence, so it stays as it is."""
LARGE_WEIGHT = 256 * 512
"""For more pairs of an input and an output, tiles of 2 × 2: those of 4 × 4 would read 36 large matrices for
few products. They also round more: with them, and sums over 512 inputs, VGGish's largest difference from the
original is 9.0e-6 of the RMS instead of 6.7e-6."""


def available() -> bool:
    """Whether PyTorch has what the rewritten networks need."""
    found: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return found


def rewritten(network: fx.GraphModule) -> fx.GraphModule:
    """Rewrite a network in place; returns it."""
    # The largest weights first: while a kernel is made there are two of them, so the less else the better.
    for node in sorted(network.graph.nodes, key=partial(_held, network), reverse=True):
        rule = _RULES.get(node.target)
        if rule is not None and not node._erased:
            rule(network, node)
    network.graph.eliminate_dead_code()
    used = {node.target for node in network.graph.nodes if node.op == "get_attr"}
    for name in {*network.state_dict()} - used:
        _let_go(network, name)
    network.delete_all_unused_submodules()
    network.recompile()
    return network


@dataclass
class _Chain:
    """A node, and those behind it that a kernel can take along."""

    network: fx.GraphModule
    last: fx.Node

    def take(self, target: Any, when: Callable[[fx.Node], bool] = lambda _node: True) -> fx.Node | None:
        """The next node, if it is what is asked for and alone reads the last one; it is the last one now."""
        users = list(self.last.users)
        if len(users) != 1 or users[0].target is not target or users[0].args[0] is not self.last:
            return None
        if not when(users[0]):
            return None
        self.last = users[0]
        return self.last

    def replace(self, first: fx.Node, kernel: nn.Module) -> None:
        """Put a kernel, called with the first node's input, in place of all."""
        name = f"kernel_{first.name}"
        self.network.add_submodule(name, kernel)
        with self.network.graph.inserting_before(self.last):
            made = self.network.graph.call_module(name, (first.args[0],))
        self.last.replace_all_uses_with(made)
        # The nodes between are dead from the end on.
        node = self.last
        while node is not first:
            before = node.args[0]
            self.network.graph.erase_node(node)
            assert isinstance(before, fx.Node)
            node = before
        weights = [given for given in first.all_input_nodes if given.op == "get_attr"]
        self.network.graph.erase_node(first)
        # The kernel holds them in an order of its own; both at once would be twice the memory.
        for weight in weights:
            if not weight.users:
                self.network.graph.erase_node(weight)
                _let_go(self.network, str(weight.target))


def _let_go(network: fx.GraphModule, name: str) -> None:
    """Delete a weight, unless a kernel is what holds it."""
    *path, last = name.split(".")
    holder = network.get_submodule(".".join(path))
    if hasattr(holder, last):
        delattr(holder, last)


def _constant(network: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """The tensor of a node that is a weight; None if it is none."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    held: Any = network
    for part in str(node.target).split("."):
        held = getattr(held, part)
    return held.detach() if isinstance(held, torch.Tensor) else None


def _held(network: fx.GraphModule, node: fx.Node) -> int:
    """How many numbers a node's weights hold."""
    weights = (_constant(network, given) for given in node.all_input_nodes)
    return sum(weight.numel() for weight in weights if weight is not None)


def _argument(node: fx.Node, place: int, default: Any) -> Any:
    return node.args[place] if len(node.args) > place else default


def _weights(network: fx.GraphModule, node: fx.Node) -> tuple[torch.Tensor, torch.Tensor | None, bool]:
    """Weight and bias of a convolution or product, and whether they are what the file holds."""
    weight, given = _constant(network, node.args[1]), _argument(node, 2, None)
    bias = _constant(network, given)
    known = weight is not None and (given is None or bias is not None)
    return torch.empty(0) if weight is None else weight, bias, known


def _linear(network: fx.GraphModule, node: fx.Node) -> None:
    weight, bias, known = _weights(network, node)
    if not known:
        return
    chain = _Chain(network, node)
    behind = "none"
    if chain.take(aten.relu.default):
        behind = "relu"
    elif chain.take(aten.gelu.default, lambda gelu: not gelu.kwargs):
        behind = "gelu"
    chain.replace(node, PackedLinear(weight, bias, behind))


def _convolution(network: fx.GraphModule, node: fx.Node) -> None:
    weight, bias, known = _weights(network, node)
    flat = node.target is aten.conv1d.default
    dimensions = 1 if flat else 2
    stride, padding, dilation = (
        list(_argument(node, place, default) or default)
        for place, default in ((3, [1] * dimensions), (4, [0] * dimensions), (5, [1] * dimensions))
    )
    if not known or weight.shape[-1] > LONGEST_KERNEL:
        return
    if _argument(node, 6, 1) != 1 or set(dilation) != {1}:
        return
    chain = _Chain(network, node)
    chain.take(aten.contiguous.default)
    scale = None
    if norm := chain.take(aten.batch_norm.default, partial(_is_fixed, network)):
        scale, bias = _with_norm(network, norm, bias)
    relu = chain.take(aten.relu.default) is not None
    small = min(weight.shape[:2]) < LEAST_CHANNELS or max(weight.shape[:2]) == LEAST_CHANNELS
    if small or tuple(weight.shape[2:]) != (3, 3) or stride != [1, 1] or padding != [1, 1]:
        pool = "" if flat else _pool(chain)
        if scale is not None:
            weight = weight * scale.reshape(-1, *[1] * dimensions, 1)
        chain.replace(node, PackedConvolution(weight, bias, stride, padding, relu, pool))
        return
    pool = _pool(chain)
    side = 4 if weight.shape[0] * weight.shape[1] <= LARGE_WEIGHT else 2
    zeros = torch.zeros(weight.shape[0]) if bias is None else bias
    chain.replace(node, WinogradConvolution(weight, zeros, scale, side=side, relu=relu, pool=pool))


def _join(network: fx.GraphModule, node: fx.Node) -> None:
    if node.args[1:] == (-1,) and node.meta["val"].dim() == 3:
        _Chain(network, node).replace(node, Joined())


def _elu(network: fx.GraphModule, node: fx.Node) -> None:
    plain = all(value == 1 for value in node.args[1:])
    if plain and node.meta["val"].dim() == 3:
        _Chain(network, node).replace(node, Elu())


def _group_norm(network: fx.GraphModule, node: fx.Node) -> None:
    gain, offset = (_constant(network, _argument(node, place, None)) for place in (2, 3))
    if node.args[1] == 1 and gain is not None and offset is not None and node.meta["val"].dim() == 3:
        _Chain(network, node).replace(node, SequenceNorm(gain, offset, _argument(node, 4, 1e-5)))


def _is_fixed(network: fx.GraphModule, norm: fx.Node) -> bool:
    """Whether a batch norm is the same for every batch, by weights."""
    return norm.args[5] is False and all(_constant(network, given) is not None for given in norm.args[1:5])


def _with_norm(
    network: fx.GraphModule, norm: fx.Node, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a convolution's weights are to be multiplied by for the batch norm behind it, and its bias."""
    found = [_constant(network, place) for place in norm.args[1:5]]
    gain, offset, mean, variance = (tensor.double() for tensor in found if tensor is not None)
    epsilon: Any = norm.args[7]
    scale = gain / torch.sqrt(variance + epsilon)
    moved = offset - mean * scale
    if bias is not None:
        moved += bias.double() * scale
    return scale.float(), moved.float()


def _pool(chain: _Chain) -> str:
    """The pooling behind, if it is one of 2 × 2."""
    for target, name in ((aten.avg_pool2d.default, "mean"), (aten.max_pool2d.default, "max")):
        if chain.take(target, lambda pool: not pool.kwargs and {*map(str, pool.args[1:])} == {"[2, 2]"}):
            return name
    return ""


_RULES: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    aten.linear.default: _linear,
    aten.conv1d.default: _convolution,
    aten.conv2d.default: _convolution,
    aten.cat.default: _join,
    aten.elu_.default: _elu,
    aten.group_norm.default: _group_norm,
}
