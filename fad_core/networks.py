"""The network of a `.pt2`, made to run: with the kernels and on the device that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from fad_core.groups import Group
from fad_core.kernels.cuda import on_cuda
from fad_core.kernels.stacked import Stacked
from fad_core.kernels.together import Together
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.pt2 import load_network, load_program

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
    source: Path | torch.export.ExportedProgram, model: EmbeddingModel, device: str
) -> tuple[Network, str]:
    """Load a network and make it ready.

    Args:
        source: a `.pt2`, or what was loaded from one.
        model: its description; the settings say how it is to run on a CPU.
        device: what `fad_core.device.resolve_device` gave.

    Returns:
        The network, and a note if it runs as it was exported because the kernels cannot be used.
    """
    if device != "cpu":
        return Stacked(on_cuda(_graph(source), device), model), ""
    note = ""
    if model.settings.runs == "fast":
        graph = _graph(source)
        try:
            return _fast(graph), ""
        except _failures() as error:
            reason = (str(error).strip() or "no reason is given").splitlines()[0]
            note = (
                "the network ran as exported (plain): the kernels of runner: fast cannot be used here "
                f"({type(error).__name__}: {reason})"
            )
    program = load_program(source) if isinstance(source, Path) else source
    network: Network = program.module()
    return network, note


def _fast(graph: torch.fx.GraphModule) -> Together:
    # Here, because they import private parts of PyTorch and Numba, which other versions may lack.
    from fad_core.kernels.rewrite import rewritten
    from fad_core.kernels.self_test import require_correct

    network = rewritten(graph)
    require_correct(network)
    return Together(network)


def _failures() -> tuple[type[Exception], ...]:
    """Return what is raised where a private part of a package is missing, differs or computes otherwise."""
    found: tuple[type[Exception], ...] = (ImportError, AttributeError, TypeError, RuntimeError)
    try:
        from numba.core.errors import NumbaError
    except ImportError:
        return found
    return (*found, NumbaError)


def _graph(source: Path | torch.export.ExportedProgram) -> torch.fx.GraphModule:
    # Of a path nobody holds the weights: `rewritten` lets go of each in turn.
    return load_network(source) if isinstance(source, Path) else source.module()
