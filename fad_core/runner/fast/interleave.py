"""Run a network for several files at once.

Some kernels (`takes_many`) have a method `forward_many`, which reads their weights once for all calls. Every
other part of the network runs for one file after the other. A file's result has the same bits whichever files
run with it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import fx

from fad_core.models.base import Arrays
from fad_core.runner.fast.batch_sizes import takes_any_batch
from fad_core.runner.file_batches import Group, groups

_Values = dict[fx.Node, Any]


@dataclass(frozen=True)
class _Part:
    """Successive nodes of a network.

    Attributes:
        run: computes them: a separate network, or a kernel that takes many calls.
        inputs: nodes of earlier parts whose values it uses.
        outputs: its nodes whose values later parts use.
        last_used: nodes whose values no later part uses.
        takes_many: whether it is a kernel that takes many calls.
    """

    run: Callable[..., Any]
    inputs: Sequence[fx.Node]
    outputs: Sequence[fx.Node]
    last_used: Sequence[fx.Node]
    takes_many: bool


class InterleavedNetwork:
    """A network whose kernels can run several calls at once (`fad_core.runner.backends.MultiFileNetwork`).

    Attributes:
        has_group_kernels: whether it has kernels that take many calls, so that several calls at once take
            less time than one after the other.
        any_batch: see `takes_any_batch`.
    """

    def __init__(self, network: fx.GraphModule) -> None:
        """Divide the network before and after each kernel that takes many calls."""
        self._network = network
        self.any_batch = takes_any_batch(network)
        self.has_group_kernels = any(_takes_many(network, node) for node in network.graph.nodes)
        self._parts = list(_parts(network)) if self.has_group_kernels else []
        self._inputs = [node for node in network.graph.nodes if node.op == "placeholder"]
        (self._output,) = (node.args[0] for node in network.graph.nodes if node.op == "output")

    def __call__(self, *given: torch.Tensor) -> Any:
        """Return the result of one call."""
        (result,) = self.run_calls([given])
        return result

    def run_calls(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> list[Any]:
        """Return the results of several calls, given by their arguments."""
        if not self.has_group_kernels:
            return [self._network(*given) for given in calls]
        running = [self._run(given) for given in calls]
        requests = [next(each) for each in running]
        # All calls stop at the same kernels, and end at the same time.
        while (kernel := requests[0][0]) is not None:
            made = kernel.forward_many([arguments for _, arguments in requests])
            requests = [each.send(result) for each, result in zip(running, made, strict=True)]
        return [self._network.graph.process_outputs(result) for _, result in requests]

    def group_files(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Group]:
        """See `fad_core.runner.backends.MultiFileNetwork`."""
        if self.has_group_kernels:
            return groups(files, lanes, total)
        return ([each] for each in enumerate(files))

    def files_in_memory(self, samples: int) -> int:  # noqa: ARG002
        """Return 1: only the kernels that take many calls hold several files' activations."""
        return 1

    def _run(self, given: tuple[torch.Tensor, ...]) -> Generator[tuple[Any, Any], Any, None]:
        """Run one call: yield each kernel for many calls and its arguments, then None and the result."""
        values: _Values = dict(zip(self._inputs, self._network.graph.process_inputs(*given), strict=True))
        for part in self._parts:
            arguments = tuple(values[node] for node in part.inputs)
            results = (yield part.run, arguments) if part.takes_many else part.run(*arguments)
            values.update(zip(part.outputs, (results,) if part.takes_many else results, strict=True))
            del arguments, results
            for node in part.last_used:
                del values[node]
        yield None, fx.node.map_arg(self._output, values.__getitem__)


def _parts(network: fx.GraphModule) -> Iterator[_Part]:
    """Yield the kernels that take many calls and the nodes between them, in order."""
    nodes = [node for node in network.graph.nodes if node.op not in ("placeholder", "get_attr", "output")]
    cut: list[list[fx.Node]] = [[]]
    for node in nodes:
        if _takes_many(network, node):
            cut += [[node], []]
        else:
            cut[-1].append(node)
    cut = [part for part in cut if part]
    number_of = {node: number for number, part in enumerate(cut) for node in part}
    last = {
        node: max((number_of.get(user, len(cut)) for user in node.users), default=-1)
        for node in network.graph.nodes
    }
    for number, part in enumerate(cut):
        used = dict.fromkeys(chain.from_iterable(node.all_input_nodes for node in part))
        inputs: list[Any] = [
            node for node in used if node.op != "get_attr" and number_of.get(node, -1) < number
        ]
        outputs = [node for node in part if last[node] > number]
        last_used = [node for node in inputs if last[node] == number]
        if _takes_many(network, part[0]):
            kernel = network.get_submodule(str(part[0].target))
            # The same value may be given for several arguments.
            arguments = [node for node in part[0].args if isinstance(node, fx.Node)]
            yield _Part(kernel, arguments, outputs, last_used, takes_many=True)
        else:
            run = _subnetwork(network, part, inputs, outputs)
            yield _Part(run, inputs, outputs, last_used, takes_many=False)


def _subnetwork(
    network: fx.GraphModule, part: Sequence[fx.Node], inputs: Sequence[fx.Node], outputs: Sequence[fx.Node]
) -> fx.GraphModule:
    """Return a network of some nodes of another; it returns a tuple."""
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in inputs:
        copies[node] = graph.placeholder(node.name)

    def copy(node: fx.Node) -> fx.Node:
        if node.op == "get_attr" and node not in copies:
            copies[node] = graph.node_copy(node)
        return copies[node]

    for node in part:
        copies[node] = graph.node_copy(node, copy)
    graph.output(tuple(copies[node] for node in outputs))
    return fx.GraphModule(network, graph)


def _takes_many(network: fx.GraphModule, node: fx.Node) -> bool:
    if node.op != "call_module":
        return False
    return bool(getattr(network.get_submodule(str(node.target)), "takes_many", False))
