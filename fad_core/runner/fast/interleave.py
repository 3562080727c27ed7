"""A network called for several files at once.

Kernels that say that they share have a method `together`, and read their weights once for all of the files.
Every other part is run for one file after the other. A file's result has the same bits in any company.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import fx

from fad_core.models.base import Arrays
from fad_core.runner.file_batches import Group, groups

Values = dict[fx.Node, Any]


@dataclass(frozen=True)
class _Part:
    """Successive nodes of a network.

    Attributes:
        run: what computes them: a network of its own, or a kernel that shares.
        given: nodes before whose values it takes.
        made: its nodes whose values are used behind it.
        done: nodes whose values nothing uses any more.
        shares: whether it is such a kernel.
    """

    run: Callable[..., Any]
    given: Sequence[fx.Node]
    made: Sequence[fx.Node]
    done: Sequence[fx.Node]
    shares: bool


class Together:
    """A rewritten network that takes the arguments of several calls.

    Attributes:
        gains: whether several calls at once are less work than one after the other.
    """

    def __init__(self, network: fx.GraphModule) -> None:
        """Cut the network before and behind each kernel that gains."""
        self._network = network
        self.gains = any(_shares(network, node) for node in network.graph.nodes)
        self._parts = list(_parts(network)) if self.gains else []
        self._inputs = [node for node in network.graph.nodes if node.op == "placeholder"]
        (self._output,) = (node.args[0] for node in network.graph.nodes if node.op == "output")

    def __call__(self, *given: torch.Tensor) -> Any:
        """The network's result for one call."""
        (result,) = self.together([given])
        return result

    def together(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> list[Any]:
        """The network's results for the arguments of several calls."""
        if not self.gains:
            return [self._network(*given) for given in calls]
        running = [self._run(given) for given in calls]
        asked = [next(each) for each in running]
        # All of them stop at the same kernel, and come to their end together.
        while (kernel := asked[0][0]) is not None:
            made = kernel.together([given for _, given in asked])
            asked = [each.send(result) for each, result in zip(running, made, strict=True)]
        return [self._network.graph.process_outputs(result) for _, result in asked]

    def grouped(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Group]:
        """See `fad_core.runner.backends.SideBySide`."""
        return groups(files, lanes, total) if self.gains else ([each] for each in enumerate(files))

    def at_once(self, samples: int) -> int:  # noqa: ARG002
        """One: only the kernels that share are given several files' activations."""
        return 1

    def _run(self, given: tuple[torch.Tensor, ...]) -> Generator[tuple[Any, Any], Any, None]:
        """One call: asks what a kernel makes of some arguments; at last, of no kernel, gives the result."""
        values: Values = dict(zip(self._inputs, self._network.graph.process_inputs(*given), strict=True))
        for part in self._parts:
            arguments = tuple(values[node] for node in part.given)
            results = (yield part.run, arguments) if part.shares else part.run(*arguments)
            values.update(zip(part.made, (results,) if part.shares else results, strict=True))
            del arguments, results
            for node in part.done:
                del values[node]
        yield None, fx.node.map_arg(self._output, values.__getitem__)


def _parts(network: fx.GraphModule) -> Iterator[_Part]:
    """Kernels that share, and all that stands between two of them."""
    nodes = [node for node in network.graph.nodes if node.op not in ("placeholder", "get_attr", "output")]
    cut: list[list[fx.Node]] = [[]]
    for node in nodes:
        if _shares(network, node):
            cut += [[node], []]
        else:
            cut[-1].append(node)
    cut = [part for part in cut if part]
    place = {node: number for number, part in enumerate(cut) for node in part}
    last = {
        node: max((place.get(user, len(cut)) for user in node.users), default=-1)
        for node in network.graph.nodes
    }
    for number, part in enumerate(cut):
        used = dict.fromkeys(chain.from_iterable(node.all_input_nodes for node in part))
        given: list[Any] = [node for node in used if node.op != "get_attr" and place.get(node, -1) < number]
        made = [node for node in part if last[node] > number]
        done = [node for node in given if last[node] == number]
        if _shares(network, part[0]):
            kernel = network.get_submodule(str(part[0].target))
            # One value may be several of its arguments.
            arguments = [node for node in part[0].args if isinstance(node, fx.Node)]
            yield _Part(kernel, arguments, made, done, shares=True)
        else:
            yield _Part(_subnetwork(network, part, given, made), given, made, done, shares=False)


def _subnetwork(
    network: fx.GraphModule, part: Sequence[fx.Node], given: Sequence[fx.Node], made: Sequence[fx.Node]
) -> fx.GraphModule:
    """A network of some nodes of another, which returns a tuple."""
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in given:
        copies[node] = graph.placeholder(node.name)

    def copy(node: fx.Node) -> fx.Node:
        if node.op == "get_attr" and node not in copies:
            copies[node] = graph.node_copy(node)
        return copies[node]

    for node in part:
        copies[node] = graph.node_copy(node, copy)
    graph.output(tuple(copies[node] for node in made))
    return fx.GraphModule(network, graph)


def _shares(network: fx.GraphModule, node: fx.Node) -> bool:
    if node.op != "call_module":
        return False
    return bool(getattr(network.get_submodule(str(node.target)), "shares", False))
