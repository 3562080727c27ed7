"""Read the nodes of a network's graph, and replace them by other operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

_LONGEST_LEARNED_KERNEL = 16


def is_fourier_transform(weight: torch.Tensor) -> bool:
    """Return whether a convolution over time is a Fourier transform, judged by the length of its kernel.

    In spectrograms in decibels, its rounding errors are visible in silence, so its products must be added in
    the order of the original package's kernels.

    Args:
        weight: `[outputs, inputs, kernel]`.
    """
    return weight.shape[-1] > _LONGEST_LEARNED_KERNEL


@dataclass
class Chain:
    """A node and successors of it, each the only user of the one before, that one kernel can replace.

    Attributes:
        network: the graph's network.
        last: the chain's last node.
    """

    network: fx.GraphModule
    last: fx.Node

    def take(self, target: Any, when: Callable[[fx.Node], bool] = lambda _node: True) -> fx.Node | None:
        """Append the next node, if it is a call of `target`, alone reads the last node, and `when` agrees.

        Returns:
            The node, or None if it is not appended.
        """
        users = list(self.last.users)
        if len(users) != 1 or users[0].target is not target or users[0].args[0] is not self.last:
            return None
        if not when(users[0]):
            return None
        self.last = users[0]
        return self.last

    def replace(self, first: fx.Node, kernel: nn.Module, inputs: tuple[Any, ...] = ()) -> None:
        """Replace the whole chain by a kernel.

        Args:
            first: the chain's first node, whose weights are deleted where nothing else uses them.
            kernel: the module to be called.
            inputs: its arguments; empty: the first node's first one.
        """
        name = f"kernel_{first.name}"
        self.network.add_submodule(name, kernel)
        with self.network.graph.inserting_before(self.last):
            made = self.network.graph.call_module(name, inputs or (first.args[0],))
        self.last.replace_all_uses_with(made)
        # A node can be erased when it has no users: from the end of the chain on.
        node = self.last
        while node is not first:
            before = node.args[0]
            self.network.graph.erase_node(node)
            assert isinstance(before, fx.Node)
            node = before
        weights = [node for node in first.all_input_nodes if node.op == "get_attr"]
        self.network.graph.erase_node(first)
        # The kernel holds a packed copy; both at once would be twice the memory.
        for weight in weights:
            if not weight.users:
                self.network.graph.erase_node(weight)
                delete_weight(self.network, str(weight.target))


def delete_weight(network: fx.GraphModule, name: str) -> None:
    """Delete a weight by its name, unless it has been deleted before."""
    owner, last = _owner(network, name)
    if hasattr(owner, last):
        delattr(owner, last)


def replace_weight(network: fx.GraphModule, name: str, value: torch.Tensor) -> None:
    """Replace a weight by another tensor."""
    owner, last = _owner(network, name)
    delattr(owner, last)
    owner.register_buffer(last, value)


def _owner(network: fx.GraphModule, name: str) -> tuple[nn.Module, str]:
    path, _, last = name.rpartition(".")
    return network.get_submodule(path), last


def weight_of(network: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """Return the tensor of a node that is a weight; None for other nodes."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    held: Any = network
    for part in str(node.target).split("."):
        held = getattr(held, part)
    return held.detach() if isinstance(held, torch.Tensor) else None


def static_shape(node: Any) -> tuple[int | None, ...]:
    """Return the sizes of a node's result, None where they differ from call to call; empty if unknown."""
    found = node.meta["val"].shape if "val" in node.meta else node.meta.get("shape", ())
    return tuple(size if isinstance(size, int) else None for size in found)


def argument_of(node: fx.Node, place: int, default: Any) -> Any:
    """Return a node's argument by its position, or the default if it is omitted."""
    return node.args[place] if len(node.args) > place else default


def weight_and_bias(
    network: fx.GraphModule, node: fx.Node
) -> tuple[torch.Tensor, torch.Tensor | None] | None:
    """Return weight and bias of a convolution or product; None if the network computes either of them."""
    weight, given = weight_of(network, node.args[1]), argument_of(node, 2, None)
    bias = weight_of(network, given)
    if weight is None or (given is not None and bias is None):
        return None
    return weight, bias
