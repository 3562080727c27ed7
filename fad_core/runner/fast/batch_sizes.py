"""Whether a row of a batch has the same bits in a batch of any size."""

from __future__ import annotations

import operator

import torch
from torch import fx

from fad_core.runner.pt2_operators import OF_SIZES

_NAMES = """
    abs.default add.Tensor alias.default cat.default clamp.default clamp_min.default contiguous.default
    div.Tensor expand.default flatten.using_ints max_pool2d.default maximum.default mul.Tensor neg.default
    numpy_T.default permute.default relu.default reshape.default round.default select.int slice.Tensor
    squeeze.dim stack.default sub.Tensor sym_size.int transpose.int unbind.int unflatten.int
    unsqueeze.default view.default where.self
"""
_OVERLOADS = (name.split(".") for name in _NAMES.split())
_EXACT = {getattr(getattr(torch.ops.aten, name), overload) for name, overload in _OVERLOADS}
"""Operators that move values, or compute each from a few others with one rounding: PyTorch's loops give the
same bits whichever values are computed together. Those that add products up or approximate a function do not
belong here."""


def takes_any_batch(network: fx.GraphModule) -> bool:
    """Return whether a network's result for a row depends on no other row and not on the number of rows.

    This holds if all operations on the network's inputs are such kernels (their attribute `any_batch`) or
    exact operators. For other operations PyTorch chooses kernels, whose last bits differ, by the size.
    """
    of_batch = set[fx.Node]()
    for node in network.graph.nodes:
        if node.op == "placeholder":
            of_batch.add(node)
        elif node.op != "output" and not of_batch.isdisjoint(node.all_input_nodes):
            of_batch.add(node)
            if not _is_independent(network, node):
                return False
    return True


def _is_independent(network: fx.GraphModule, node: fx.Node) -> bool:
    if node.op == "call_module":
        return bool(getattr(network.get_submodule(str(node.target)), "any_batch", False))
    known = node.target in _EXACT or node.target in OF_SIZES or node.target is operator.getitem
    # The multiplication by alpha may be rounded or not.
    return known and "alpha" not in node.kwargs
