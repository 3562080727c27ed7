"""Rules for networks over sequences: what the kernels of `sequences` replace in a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from fad_core.runner.fast.panels import width
from fad_core.runner.fast.sequences import Columns, Recurrence, SequenceConvolution
from fad_core.runner.graph import LONGEST_KERNEL, Chain, argument, constant, weights_of

aten = torch.ops.aten


def _sequence(network: fx.GraphModule, node: fx.Node) -> None:
    weight, bias, known = weights_of(network, node)
    (stride,), (padding,), (dilation,) = (
        argument(node, place, [default]) for place, default in ((3, 1), (4, 0), (5, 1))
    )
    if not known or weight.shape[-1] > LONGEST_KERNEL or width(len(weight)) == 0:
        return
    if argument(node, 6, 1) != 1 or dilation != 1 or padding != 0:
        return
    given, elu = _heard(node)
    kernel = SequenceConvolution(weight, bias, stride, activated=elu is not None)
    pieces = _pieces(network, given)
    chain = Chain(network, node)
    if norm := chain.take(aten.group_norm.default, lambda norm: bool(norm.args[1] == 1)):
        gain, offset = (constant(network, argument(norm, place, None)) for place in (2, 3))
        if gain is None or offset is None:
            return
        kernel.normalise(gain, offset, argument(norm, 4, 1e-5))
    chain.replace(node, kernel, (pieces,))
    if elu is not None:
        network.graph.erase_node(elu)


def _heard(convolution: fx.Node) -> tuple[fx.Node, fx.Node | None]:
    """What a convolution hears, and the ELU through which it does."""
    given = convolution.args[0]
    assert isinstance(given, fx.Node)
    if given.target is not aten.elu_.default or len(given.users) > 1 or any(a != 1 for a in given.args[1:]):
        return given, None
    before = given.args[0]
    assert isinstance(before, fx.Node)
    # It is computed in place: who reads its input later on reads the ELU.
    seen = all(user is given or bool(user < given) for user in before.users)
    return (before, given) if seen else (given, None)


def _pieces(network: fx.GraphModule, given: fx.Node) -> list[fx.Node]:
    """The pieces that a sequence is joined of, if nothing needs it joined; else the sequence."""
    if given.target is not aten.cat.default or given.args[1:] != (-1,):
        return [given]
    pieces: Any = given.args[0]
    selections = [user for user in given.users if user.target is aten.index_select.default]
    heard = (aten.elu_.default, aten.conv1d.default)
    if len(pieces) > 3 or any(user not in selections and user.target not in heard for user in given.users):
        return [given]
    for user in selections:
        network.add_submodule(f"kernel_{user.name}", Columns())
        with network.graph.inserting_before(user):
            made = network.graph.call_module(f"kernel_{user.name}", (pieces, user.args[2]))
        user.replace_all_uses_with(made)
        network.graph.erase_node(user)
    return list(pieces)


def _sum(network: fx.GraphModule, node: fx.Node) -> None:
    """Let the second of two convolutions add its products to the first one's."""
    first, second = (_convolution_of(network, given) for given in node.args[:2])
    if first is None or second is None or node.kwargs or first.normed or second.normed:
        return
    one, other = node.args[:2]
    assert isinstance(one, fx.Node) and isinstance(other, fx.Node)
    first.bias += second.bias
    node.prepend(other)
    other.args = (*other.args, one)
    node.replace_all_uses_with(other)
    network.graph.erase_node(node)


def _convolution_of(network: fx.GraphModule, node: Any) -> SequenceConvolution | None:
    """The kernel of a node that is a convolution of a sequence and is read once."""
    if not isinstance(node, fx.Node) or node.op != "call_module" or len(node.users) > 1:
        return None
    kernel = network.get_submodule(str(node.target))
    return kernel if isinstance(kernel, SequenceConvolution) else None


def _lstm(network: fx.GraphModule, node: fx.Node) -> None:
    given: tuple[Any, ...] = node.args
    sequence, states, weights, biased, layers, _, _, both, batch_first = given
    known = [tensor for weight in weights if (tensor := constant(network, weight)) is not None]
    if not biased or both or batch_first or len(known) != 4 * layers or width(len(known[0])) == 0:
        return
    Chain(network, node).replace(node, Recurrence(known), (sequence, *states))


RULES: dict[Any, Callable[[fx.GraphModule, fx.Node], None]] = {
    aten.conv1d.default: _sequence,
    aten.add_.Tensor: _sum,
    aten.lstm.input: _lstm,
}
