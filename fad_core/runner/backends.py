"""Load the network of a `.pt2` and prepare it for the chosen kernels and device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from fad_core.models.base import Arrays, NetworkModel
from fad_core.models.options import Options
from fad_core.runner.backend import Backend, Origin
from fad_core.runner.cuda import on_cuda
from fad_core.runner.cuda_batches import CudaBatcher
from fad_core.runner.device import computing
from fad_core.runner.fast import accelerate
from fad_core.runner.file_batches import Group
from fad_core.runner.graph import replace_weight
from fad_core.runner.pt2 import load_network
from fad_core.runner.pt2_check import explained, require_runs, require_shapes

Network = Callable[..., Any]


@runtime_checkable
class MultiFileNetwork(Protocol):
    """A network that can run the calls of several files at once.

    The result of a file has the same bits whichever files run with it.

    Attributes:
        any_batch: whether a row of a call's arguments also has the same result in a call with other rows, or
            with another number of them.
    """

    any_batch: bool

    def __call__(self, *given: torch.Tensor) -> Any:
        """Return the result of one call."""

    def run_calls(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> Sequence[Any]:
        """Return the results of several calls, given by their arguments."""

    def group_files(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Group]:
        """Divide files into groups that are embedded at once; each file keeps its index.

        Args:
            files: features of each file.
            lanes: number of threads that embed groups.
            total: number of files; 0: not known.
        """

    def files_in_memory(self, samples: int) -> int:
        """Return for how many files of so many samples a whole network's activations are in memory."""


def make_network(
    path: Path, model: NetworkModel, options: Options, backend: Backend, batch_size: int, origin: Origin
) -> tuple[Network, str]:
    """Load a network and prepare it to run.

    Args:
        path: the `.pt2`.
        model: the model.
        options: how it is used.
        backend: what `fad_core.runner.backend.resolve_backend` returned.
        batch_size: on a CUDA device, number of files or windows embedded at once.
        origin: origin of the file.

    Returns:
        The network, and a note if it runs as it was exported because the kernels cannot be used.

    Raises:
        ModelError: the file is damaged, does not hold a network of this model, or cannot be read safely.
    """

    def load() -> torch.fx.GraphModule:
        return load_network(path, trust=origin != "given")

    if origin != "given":
        return _ready(load(), load, model, options, backend, batch_size)
    with explained(path, model), computing(backend.device):
        graph = load()
        require_shapes(graph, model)
        network, note = _ready(graph, load, model, options, backend, batch_size)
        require_runs(network, model, backend.device)
    return network, note


def _ready(
    graph: torch.fx.GraphModule,
    load: Callable[[], torch.fx.GraphModule],
    model: NetworkModel,
    options: Options,
    backend: Backend,
    batch_size: int,
) -> tuple[Network, str]:
    """Prepare a graph in place; load it again if the preparation fails midway."""
    if not backend.on_cpu:
        return CudaBatcher(on_cuda(graph, backend.device), model, options, batch_size), ""
    note = ""
    if backend.runner == "fast":
        network, reason = accelerate(graph)
        if network is not None:
            return network, ""
        note = (
            "the network ran as exported (plain) because the kernels of the fast runner cannot be used "
            f"({reason})"
        )
        graph = load()
    return _in_memory(graph), note


def _in_memory(network: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Copy weights that are mapped from the file into memory, since the file may change."""
    for name, weight in list(network.named_buffers()):
        replace_weight(network, name, weight.clone())
    return network
