"""The network of a `.pt2`, made to run: with the kernels and on the device that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from fad_core.groups import Group
from fad_core.kernels.cuda import on_cuda
from fad_core.kernels.inductor import compiled_network
from fad_core.kernels.rewrite import available, rewritten
from fad_core.kernels.stacked import Stacked
from fad_core.kernels.together import Together
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.pt2 import Identity, load_network, load_program

Network = Callable[..., Any]


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
    source: Path | torch.export.ExportedProgram, identity: Identity, model: EmbeddingModel, device: str
) -> Network:
    """Load a network and make it ready.

    Args:
        source: a `.pt2`, or what was loaded from one.
        identity: of it.
        model: its description; the settings say how it is to run on a CPU.
        device: what `fad_core.device.resolve_device` gave.
    """
    if device != "cpu":
        return Stacked(on_cuda(_graph(source), device), model)
    if runs_fast(model, device):
        return Together(rewritten(_graph(source)))
    program = load_program(source) if isinstance(source, Path) else source
    if model.settings.runs == "compiled":
        return compiled_network(program, identity, max(torch.get_num_threads(), 1))
    network: Network = program.module()
    return network


def runs_fast(model: EmbeddingModel, device: str) -> bool:
    """Whether a network runs by kernels that add up each window's products in one order in any company."""
    return device == "cpu" and model.settings.runs == "fast" and available()


def _graph(source: Path | torch.export.ExportedProgram) -> torch.fx.GraphModule:
    # Of a path nobody holds the weights: `rewritten` lets go of each in turn.
    return load_network(source) if isinstance(source, Path) else source.module()
