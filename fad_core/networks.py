"""The network of a `.pt2`, made to run: with the kernels and on the device that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from fad_core.device import computing
from fad_core.errors import ModelError
from fad_core.groups import Group
from fad_core.kernels.cuda import on_cuda
from fad_core.kernels.graph import put
from fad_core.kernels.inductor import compiled_network
from fad_core.kernels.rewrite import available, rewritten
from fad_core.kernels.stacked import Stacked
from fad_core.kernels.together import Together
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.pt2 import Identity, load_network, load_program
from fad_core.pt2_check import explained, require_runs, require_shapes

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
    path: Path, identity: Identity, model: EmbeddingModel, device: str, origin: Origin
) -> Network:
    """Load a network and make it ready.

    Args:
        path: the `.pt2`.
        identity: of it.
        model: its description; the settings say how it is to run on a CPU.
        device: what `fad_core.device.resolve_device` gave.
        origin: of the file.

    Raises:
        ModelError: the file is damaged, is no network of this model, or cannot be read safely.
    """
    if device == "cpu" and model.settings.runs == "compiled":
        return compiled_network(_program(path, origin), identity, max(torch.get_num_threads(), 1))
    graph = load_network(path, trust=origin == "trusted")
    if origin != "given":
        return _ready(graph, model, device)
    with explained(path, model), computing(device):
        require_shapes(graph, model)
        network = _ready(graph, model, device)
        require_runs(network, model, device)
    return network


def _ready(network: torch.fx.GraphModule, model: EmbeddingModel, device: str) -> Network:
    if device != "cpu":
        return Stacked(on_cuda(network, device), model)
    if runs_fast(model, device):
        return Together(rewritten(network))
    return _in_memory(network)


def _program(path: Path, origin: Origin) -> torch.export.ExportedProgram:
    """What a compiler takes."""
    if origin == "given":
        raise ModelError(
            f"{path}: runner: compiled cannot read it without running code that it may contain: choose "
            "another runner, or give trust=True, only for files from a source you trust"
        )
    return load_program(path)


def _in_memory(network: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Copy weights that lie in the file, which others may write to."""
    for name, weight in list(network.named_buffers()):
        put(network, name, weight.clone())
    return network


def runs_fast(model: EmbeddingModel, device: str) -> bool:
    """Whether a network runs by kernels that add up each window's products in one order in any company."""
    return device == "cpu" and model.settings.runs == "fast" and available()
