"""Attention within windows of tokens, as a kernel in place of the parts that a graph has of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.fx.passes.utils.matcher_utils import SubgraphMatcher

from fad_core.runner.fast import panels
from fad_core.runner.graph import folded

aten = torch.ops.aten


class Form(NamedTuple):
    """What an attention's operations are called with.

    Attributes:
        tokens: of a window.
        heads: number of them.
        size: of a head's query, key and value.
        scale: of the queries.
        kinds: of windows, each with a mask of its own; 0: there are no masks.
    """

    tokens: int
    heads: int
    size: int
    scale: float
    kinds: int

    @property
    def fits(self) -> bool:
        """Whether there is a kernel for it."""
        return self.tokens % panels.PARTS == 0


class Attention(nn.Module):
    """`[windows, tokens, 3 · heads · size]` to `[windows, tokens, heads · size]`."""

    def __init__(self, form: Form, bias: torch.Tensor, mask: torch.Tensor) -> None:
        """Prepare what is added to the logits.

        Args:
            form: it fits.
            bias: float32 `[heads, tokens, tokens]`.
            mask: float32 `[kinds, tokens, tokens]`, a single one if there are no kinds; windows are of each
                kind in turn.
        """
        super().__init__()
        self._form = form
        # Those of most windows are alike.
        masks, kinds = torch.unique(mask, dim=0, return_inverse=True)
        self._kinds: NDArray[np.int64] = kinds.numpy()
        self._added: NDArray[np.float32] = (bias + masks[:, None]).contiguous().numpy()

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Attend."""
        tokens, heads, size, scale, _ = self._form
        heard = given.reshape(-1, tokens, 3, heads, size).contiguous()
        result = torch.empty((len(heard), tokens, heads, size))
        panels.attend(heard.numpy(), np.float32(scale), self._added, self._kinds, result.numpy())
        return result.flatten(2)


def put_attention(network: fx.GraphModule) -> None:
    """Put kernels in place of a network's attentions."""
    for masked in (False, True):
        pattern = _pattern(Form(1, 1, 1, 1.0, kinds=int(masked)))
        # What an operation is called with, beside other results, is compared below.
        for match in SubgraphMatcher(pattern, ignore_literals=True).match(network.graph):
            found = [match.nodes_map[node] for node in pattern.nodes if node.op == "call_function"]
            form = _form(found)
            heard, *added = match.placeholder_nodes
            if form is None or not form.fits:
                continue
            bias, *masks = (folded(network, node) for node in added)
            mask = masks[0] if masks else torch.zeros(1, form.tokens, form.tokens)
            if not _is(bias, form.heads, form.tokens) or not _is(mask, form.kinds or 1, form.tokens):
                continue
            name = f"kernel_{found[-1].name}"
            network.add_submodule(name, Attention(form, bias, mask))
            with network.graph.inserting_before(found[-1]):
                made = network.graph.call_module(name, (heard,))
            found[-1].replace_all_uses_with(made)


def _is(squares: torch.Tensor | None, count: int, side: int) -> TypeGuard[torch.Tensor]:
    """Whether so many float32 squares are known before the network runs."""
    return squares is not None and squares.shape == (count, side, side) and squares.dtype == torch.float32


def _form(found: Sequence[fx.Node]) -> Form | None:
    """The form of an attention of these nodes, in the order of `_pattern`; None if they are others."""
    split: Any = found[0].args[1]
    (scale,) = (node.args[1] for node in found if node.target is aten.mul.Tensor)
    views: Any = [node.args[1] for node in found[1:] if node.target is aten.view.default]
    sizes = [*split, views[0][1] if views else 0]
    # Sizes may differ from call to call.
    if not isinstance(scale, float) or not all(isinstance(size, int) for size in sizes):
        return None
    _, tokens, _, heads, size, kinds = sizes
    form = Form(tokens, heads, size, scale, kinds)
    pattern = [node for node in _pattern(form).nodes if node.op == "call_function"]
    return form if [_numbers(node) for node in found] == [_numbers(node) for node in pattern] else None


def _numbers(node: fx.Node) -> list[Any]:
    """What a node is called with beside other nodes' results."""
    return [None if isinstance(given, fx.Node) else given for given in (*node.args, node.kwargs)]


def _pattern(form: Form) -> fx.Graph:
    """The operations of `fad_core.models.clap.swin.WindowAttention`, between its two products by a matrix."""
    tokens, heads, size, scale, kinds = form

    def attention(heard: Any, bias: Any, mask: Any) -> Any:
        split = aten.permute.default(aten.view.default(heard, [-1, tokens, 3, heads, size]), [2, 0, 3, 1, 4])
        parts = aten.unbind.int(split)
        query, key, value = parts[0], parts[1], parts[2]
        keys = aten.transpose.int(key, -2, -1)
        logits = aten.add.Tensor(aten.matmul.default(aten.mul.Tensor(query, scale), keys), bias)
        if kinds:
            images = aten.view.default(logits, [-1, kinds, heads, tokens, tokens])
            logits = aten.add.Tensor(images, aten.unsqueeze.default(mask, 1))
            logits = aten.view.default(logits, [-1, heads, tokens, tokens])
        mixed = aten.matmul.default(aten.softmax.int(logits, -1), value)
        return aten.reshape.default(aten.transpose.int(mixed, 1, 2), [-1, tokens, heads * size])

    graph = fx.symbolic_trace(attention).graph
    for node in graph.find_nodes(op="placeholder"):
        if not node.users:
            graph.erase_node(node)
    return graph
