"""A network called for several files at once.

Kernels that say that they share have a method `together`, and read their weights once for all of the files.
Every other part is run for one file after the other. A file's result has the same bits in any company.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import fx, nn
from torch.fx.node import map_arg
from torch.fx.passes.split_module import split_module

from fad_core.groups import Files, groups
from fad_core.models.base import Arrays


class Together:
    """A rewritten network that takes the arguments of several calls.

    Attributes:
        gains: whether several calls at once are less work than one after the other.
    """

    def __init__(self, network: fx.GraphModule) -> None:
        """Cut the network before and behind each kernel that gains."""
        self._whole = network.graph
        parts, at = dict[fx.Node, int](), 0
        for node in network.graph.nodes:
            shared = node.op == "call_module" and _gains(network.get_submodule(str(node.target)))
            at += shared
            parts[node] = at
            at += shared
        self.gains = at > 0
        self._parts = network
        if self.gains:
            self._parts = split_module(network, network, parts.__getitem__, keep_original_order=True)

    def __call__(self, *given: torch.Tensor) -> Any:
        """The network's result for one call."""
        (result,) = self.together([given])
        return result

    def together(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> list[Any]:
        """The network's results for the arguments of several calls."""
        if not self.gains:
            return [self._parts(*given) for given in calls]
        running = [self._run(given) for given in calls]
        asked = [next(each) for each in running]
        # All of them stop at the same kernel, and come to their end together.
        while (kernel := asked[0][0]) is not None:
            made = kernel.together([given for _, given in asked])
            asked = [each.send(result) for each, result in zip(running, made, strict=True)]
        return [self._whole.process_outputs(result) for _, (result,) in asked]

    def grouped(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Files]:
        """See `fad_core.networks.SideBySide`."""
        return groups(files, lanes, total) if self.gains else ([each] for each in files)

    def at_once(self, samples: int) -> int:  # noqa: ARG002
        """One: only the kernels that share are given several files' activations."""
        return 1

    def _run(self, given: tuple[torch.Tensor, ...]) -> Generator[tuple[Any, tuple[Any, ...]], Any, None]:
        """One call: asks what a kernel makes of some arguments; at last, of no kernel, gives the result."""
        arguments = iter(self._whole.process_inputs(*given))
        values: dict[fx.Node, Any] = {}
        for node in self._parts.graph.nodes:
            args: Any = map_arg(node.args, values.__getitem__)
            if node.op == "placeholder":
                values[node] = next(arguments)
            elif node.op == "output":
                yield None, args
            elif node.op == "get_attr":
                values[node] = attrgetter(node.target)(self._parts)
            elif node.op == "call_function":
                values[node] = node.target(*args)
            else:
                part: Any = self._parts.get_submodule(node.target)
                shared = _shared(part)
                if shared is None:
                    values[node] = part(*args)
                else:
                    kernel, places = shared
                    values[node] = yield kernel, tuple(args[place] for place in places)
            for before in node.all_input_nodes:
                if max(before.users) is node:
                    del values[before]


def _shared(part: fx.GraphModule) -> tuple[nn.Module, list[int]] | None:
    """The kernel that a part consists of, if it is one that gains, and which of the inputs it takes."""
    (call, *others) = [node for node in part.graph.nodes if node.op == "call_module"] or [None]
    if call is None or others or not _gains(kernel := part.get_submodule(call.target)):
        return None
    inputs = [node for node in part.graph.nodes if node.op == "placeholder"]
    return kernel, [inputs.index(given) for given in call.args]


def _gains(kernel: nn.Module) -> bool:
    return bool(getattr(kernel, "shares", False))
