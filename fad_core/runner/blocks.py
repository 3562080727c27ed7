"""Running a network, exported or not, on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.runner.backends import SideBySide
from fad_core.runner.device import upload


def run_blocks(
    network: Callable[..., Any], model: EmbeddingModel, features: Arrays, device: str = "cpu"
) -> list[NDArray[np.float32]]:
    """Run a network, exported or not, over the blocks of one file's features; returns its outputs."""
    (outputs,) = run_side_by_side(network, model, [features], device)
    return outputs


def run_side_by_side(
    network: Callable[..., Any], model: EmbeddingModel, files: Sequence[Arrays], device: str = "cpu"
) -> list[list[NDArray[np.float32]]]:
    """Run a network over the first block of each of several files, then over the second ones, and so on.

    Returns:
        Each file's outputs.
    """
    start = model.initial_state()
    states: list[tuple[torch.Tensor, ...]] = [
        () if start is None else (upload(start, device),) for _ in files
    ]
    outputs: list[list[NDArray[np.float32]]] = [[] for _ in files]
    with torch.inference_mode():
        for blocks in zip_longest(*map(model.blocks, files)):
            going = [place for place, block in enumerate(blocks) if block is not None]
            calls = [(*(upload(array, device) for array in blocks[place]), *states[place]) for place in going]
            for place, result in zip(going, _results(network, calls), strict=True):
                output, states[place] = _apart(result)
                outputs[place].append(output.cpu().numpy())
    return outputs


def _results(network: Callable[..., Any], calls: Sequence[tuple[torch.Tensor, ...]]) -> Sequence[Any]:
    if isinstance(network, SideBySide):
        return network.together(calls)
    return [network(*given) for given in calls]


def call_network(
    network: Callable[..., Any], *given: torch.Tensor
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Run a network once; returns its output, and the state if it carries one."""
    return _apart(network(*given))


def _apart(result: Any) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    if isinstance(result, torch.Tensor):
        return result, ()
    output, state = result
    return output, (state,)
