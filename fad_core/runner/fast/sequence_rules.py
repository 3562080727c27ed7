"""Rules for networks over sequences: what the layers of `sequence_layers` replace in a graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import fx

from fad_core.runner.fast.batch_norm import fold_norm, is_inference
from fad_core.runner.fast.packed_gemm import panel_registers
from fad_core.runner.fast.sequence_layers import LstmLayers, SelectColumns, SequenceConvolution
from fad_core.runner.fast.spectral import LONG_KERNELS, Layer, SpectralConvolutions
from fad_core.runner.fast.spectral_kernels import BLOCK
from fad_core.runner.graph import Chain, argument_of, is_fourier_transform, weight_and_bias, weight_of

aten = torch.ops.aten


def _convolution(network: fx.GraphModule, node: fx.Node) -> None:
    weights = weight_and_bias(network, node)
    (stride,), (padding,), (dilation,) = (
        argument_of(node, place, [default]) for place, default in ((3, 1), (4, 0), (5, 1))
    )
    if weights is None or argument_of(node, 6, 1) != 1 or dilation != 1:
        return
    if padding != 0:
        _long_convolution(network, node, *weights)
        return
    if is_fourier_transform(weights[0]) or panel_registers(len(weights[0])) == 0:
        return
    given, elu = _without_elu(node)
    kernel = SequenceConvolution(*weights, stride, elu=elu is not None)
    pieces = _pieces(network, given)
    chain = Chain(network, node)
    if norm := chain.take(aten.group_norm.default, lambda norm: bool(norm.args[1] == 1)):
        gain, offset = (weight_of(network, argument_of(norm, place, None)) for place in (2, 3))
        if gain is None or offset is None:
            return
        kernel.append_norm(gain, offset, argument_of(norm, 4, 1e-5))
    chain.replace(node, kernel, (pieces,))
    if elu is not None:
        network.graph.erase_node(elu)


def _long_convolution(
    network: fx.GraphModule, node: fx.Node, weight: torch.Tensor, bias: torch.Tensor | None
) -> None:
    """Replace a convolution with a long kernel, the norm and the leaky ReLU behind it, and join such ones."""
    (stride,), (padding,) = (argument_of(node, place, None) for place in (3, 4))
    outputs, inputs, kernel = weight.shape
    if kernel not in LONG_KERNELS or stride > 2 or inputs % BLOCK or outputs % BLOCK:
        return
    chain = Chain(network, node)
    if norm := chain.take(aten.batch_norm.default, partial(is_inference, network)):
        # In float64: behind a constant signal, as in silence, the norm cancels most of what is convolved.
        scale, bias = fold_norm(network, norm, bias)
        weight = weight.double() * scale[:, None, None]
    activation = chain.take(aten.leaky_relu.default)
    if activation is None:
        return
    bias = torch.zeros(outputs) if bias is None else bias
    made = SpectralConvolutions([Layer(weight, bias, stride, padding, argument_of(activation, 1, 0.01))])
    chain.replace(node, made)
    (here,) = (each for each in network.graph.nodes if each.target == f"kernel_{node.name}")
    for first, second in ((here.args[0], here), (here, next(iter(here.users)))):
        one, other = (_long_convolutions_of(network, each) for each in (first, second))
        if one is not None and other is not None and len(first.users) == 1:
            one.extend(other)
            second.replace_all_uses_with(first)
            network.graph.erase_node(second)
            here = first


def _long_convolutions_of(network: fx.GraphModule, node: fx.Node) -> SpectralConvolutions | None:
    kernel = network.get_submodule(str(node.target)) if node.op == "call_module" else None
    return kernel if isinstance(kernel, SpectralConvolutions) else None


def _without_elu(convolution: fx.Node) -> tuple[fx.Node, fx.Node | None]:
    """Return a convolution's input; or the input of the ELU before it, and the ELU, if it can be taken in."""
    given = convolution.args[0]
    assert isinstance(given, fx.Node)
    if given.target is not aten.elu_.default or len(given.users) > 1 or any(a != 1 for a in given.args[1:]):
        return given, None
    before = given.args[0]
    assert isinstance(before, fx.Node)
    # It is computed in place: nodes after it that read its input would read the ELU.
    all_before = all(user is given or bool(user < given) for user in before.users)
    return (before, given) if all_before else (given, None)


def _pieces(network: fx.GraphModule, given: fx.Node) -> list[fx.Node]:
    """Return the pieces that a sequence is joined of, if nothing needs it joined; else the sequence."""
    if given.target is not aten.cat.default or given.args[1:] != (-1,):
        return [given]
    pieces: Any = given.args[0]
    selections = [
        user for user in given.users if user.target is aten.index_select.default and user.args[1] in (-1, 2)
    ]
    readers = (aten.elu_.default, aten.conv1d.default)
    if len(pieces) > 3 or any(user not in selections and user.target not in readers for user in given.users):
        return [given]
    for user in selections:
        network.add_submodule(f"kernel_{user.name}", SelectColumns())
        with network.graph.inserting_before(user):
            made = network.graph.call_module(f"kernel_{user.name}", (pieces, user.args[2]))
        user.replace_all_uses_with(made)
        network.graph.erase_node(user)
    return list(pieces)


def _sum(network: fx.GraphModule, node: fx.Node) -> None:
    """Let the second of two convolutions add its products to the first one's."""
    first, second = (_convolution_of(network, given) for given in node.args[:2])
    if first is None or second is None or node.kwargs or first.has_norm or second.has_norm:
        return
    one, other = node.args[:2]
    assert isinstance(one, fx.Node) and isinstance(other, fx.Node)
    first.bias += second.bias
    node.prepend(other)
    other.args = (*other.args, one)
    node.replace_all_uses_with(other)
    network.graph.erase_node(node)


def _convolution_of(network: fx.GraphModule, node: Any) -> SequenceConvolution | None:
    """Return the kernel of a node that is a convolution of a sequence and has one user."""
    if not isinstance(node, fx.Node) or node.op != "call_module" or len(node.users) > 1:
        return None
    kernel = network.get_submodule(str(node.target))
    return kernel if isinstance(kernel, SequenceConvolution) else None


def _lstm(network: fx.GraphModule, node: fx.Node) -> None:
    arguments: tuple[Any, ...] = node.args
    sequence, states, weights, has_bias, layers, _, _, bidirectional, batch_first = arguments
    known = [tensor for weight in weights if (tensor := weight_of(network, weight)) is not None]
    # A projection is a fifth weight of each layer.
    if not has_bias or bidirectional or batch_first or len(known) != 4 * layers:
        return
    # The kernel's layers have as many inputs as hidden values.
    if len({weight.shape for weight in [*known[::4], *known[1::4]]}) != 1:
        return
    if panel_registers(len(known[0])) != 0:
        Chain(network, node).replace(node, LstmLayers(known), (sequence, *states))


RULES: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    aten.conv1d.default: _convolution,
    aten.add_.Tensor: _sum,
    aten.lstm.input: _lstm,
}
