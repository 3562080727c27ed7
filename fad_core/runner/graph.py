"""The graph of a network: what its nodes hold, and kernels in place of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

LONGEST_KERNEL = 16
"""A longer one of a convolution over time is a Fourier transform, written as a convolution. Spectrograms in
decibels show its rounding errors where there is silence, so no kernel for a processor takes its place."""

_MOVES = {
    torch.ops.aten.view.default,
    torch.ops.aten.index.Tensor,
    torch.ops.aten.permute.default,
    torch.ops.aten.contiguous.default,
}


@dataclass
class Chain:
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

    def replace(self, first: fx.Node, kernel: nn.Module, given: tuple[Any, ...] = ()) -> None:
        """Put a kernel, called with what is given or else with the first node's input, in place of all."""
        name = f"kernel_{first.name}"
        self.network.add_submodule(name, kernel)
        with self.network.graph.inserting_before(self.last):
            made = self.network.graph.call_module(name, given or (first.args[0],))
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
                let_go(self.network, str(weight.target))


def let_go(network: fx.GraphModule, name: str) -> None:
    """Delete a weight, unless a kernel is what holds it."""
    holder, last = _place(network, name)
    if hasattr(holder, last):
        delattr(holder, last)


def put(network: fx.GraphModule, name: str, value: torch.Tensor) -> None:
    """Put another tensor in the place of a weight."""
    holder, last = _place(network, name)
    delattr(holder, last)
    holder.register_buffer(last, value)


def _place(network: fx.GraphModule, name: str) -> tuple[nn.Module, str]:
    path, _, last = name.rpartition(".")
    return network.get_submodule(path), last


def constant(network: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """The tensor of a node that is a weight; None if it is none."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    held: Any = network
    for part in str(node.target).split("."):
        held = getattr(held, part)
    return held.detach() if isinstance(held, torch.Tensor) else None


def folded(network: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """The values of a weight, moved about by a node and those before it; None if it is anything else."""
    if not isinstance(node, fx.Node) or node.target not in _MOVES:
        return constant(network, node)
    results = {given: folded(network, given) for given in node.all_input_nodes}
    if any(result is None for result in results.values()):
        return None
    assert callable(node.target)
    made: torch.Tensor = node.target(*fx.node.map_arg(node.args, results.__getitem__))
    return made


def shape(node: Any) -> tuple[int | None, ...]:
    """A result's sizes, None where they differ from call to call; empty if it is not known."""
    found = node.meta["val"].shape if "val" in node.meta else node.meta.get("shape", ())
    return tuple(size if isinstance(size, int) else None for size in found)


def argument(node: fx.Node, place: int, default: Any) -> Any:
    """An argument of a node by its place, or the default where it is left out."""
    return node.args[place] if len(node.args) > place else default


def weights_of(network: fx.GraphModule, node: fx.Node) -> tuple[torch.Tensor, torch.Tensor | None, bool]:
    """Weight and bias of a convolution or product, and whether they are what the file holds."""
    weight, given = constant(network, node.args[1]), argument(node, 2, None)
    bias = constant(network, given)
    known = weight is not None and (given is None or bias is not None)
    return torch.empty(0) if weight is None else weight, bias, known
