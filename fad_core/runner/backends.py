"""The network of a `.pt2`, made to run: with the kernels and on the device that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from fad_core.models.base import Arrays
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend
from fad_core.runner.cuda import on_cuda
from fad_core.runner.cuda_batches import CudaBatcher
from fad_core.runner.device import computing
from fad_core.runner.fast import accelerate
from fad_core.runner.file_batches import Group
from fad_core.runner.graph import replace_weight
from fad_core.runner.pt2 import load_network
from fad_core.runner.pt2_check import explained, require_runs, require_shapes

Network = Callable[..., Any]

Origin = Literal["given", "trusted", "own"]
"""Of a `.pt2`: given by a user, from wherever; given, and said to be from a source that is trusted; or
exported here, into the cache or a study's results. `torch.export.load`, which may run what a file holds, is
for the latter two alone."""


@runtime_checkable
class SideBySide(Protocol):
    """A network that takes the calls of several files at once.

    What a file gives has the same bits in any company.
    """

    def __call__(self, *given: torch.Tensor) -> Any:
        """The result for one call."""

    def together(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> Sequence[Any]:
        """The results for the arguments of several calls."""

    def grouped(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Group]:
        """Files in groups that are worth being embedded at once, each with its place among all.

        Args:
            files: of each file its features.
            lanes: threads that take one group after the other.
            total: how many files there are; 0: not known.
        """

    def at_once(self, samples: int) -> int:
        """How many files of so many samples are in memory as a whole network's activations."""


def make_network(
    path: Path, use: ModelUse, backend: Backend, batch_size: int, origin: Origin
) -> tuple[Network, str]:
    """Load a network and make it ready.

    Args:
        path: the `.pt2`.
        use: the model, and how it is used.
        backend: what `fad_core.runner.device.resolve_backend` gave.
        batch_size: on a CUDA device, files or windows at once.
        origin: of the file.

    Returns:
        The network, and a note if it runs as it was exported because the kernels cannot be used.

    Raises:
        ModelError: the file is damaged, is no network of this model, or cannot be read safely.
    """

    def load() -> torch.fx.GraphModule:
        return load_network(path, trust=origin == "trusted")

    if origin != "given":
        return _ready(load(), load, use, backend, batch_size)
    with explained(path, use.model), computing(backend.device):
        graph = load()
        require_shapes(graph, use.model)
        network, note = _ready(graph, load, use, backend, batch_size)
        require_runs(network, use.model, backend.device)
    return network, note


def _ready(
    graph: torch.fx.GraphModule,
    load: Callable[[], torch.fx.GraphModule],
    use: ModelUse,
    backend: Backend,
    batch_size: int,
) -> tuple[Network, str]:
    """Make a graph ready; it is changed in place, and loaded again where the change fails half-way."""
    if not backend.on_cpu:
        return CudaBatcher(on_cuda(graph, backend.device), use, batch_size), ""
    note = ""
    if backend.runner == "fast":
        network, reason = accelerate(graph)
        if network is not None:
            return network, ""
        note = (
            "the network ran as exported (plain): the kernels of the fast runner cannot be used here "
            f"({reason})"
        )
        graph = load()
    return _in_memory(graph), note


def _in_memory(network: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Copy weights that lie in the file, which others may write to."""
    for name, weight in list(network.named_buffers()):
        replace_weight(network, name, weight.clone())
    return network
