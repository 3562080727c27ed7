"""Run a network, exported or not, on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import torch

from fad_core.models.base import Arrays, NetworkModel
from fad_core.runner.backends import MultiFileNetwork
from fad_core.runner.device import upload

Tensors = tuple[torch.Tensor, ...]


def run_files(
    network: Callable[..., Any], model: NetworkModel, files: Sequence[Arrays], device: str = "cpu"
) -> list[list[Arrays]]:
    """Run a network over the first blocks of several files, then over their second blocks, and so on.

    Returns:
        For each file, the network's outputs for each block.
    """
    start = model.initial_state()
    states: list[Tensors] = [() if start is None else (upload(start, device),) for _ in files]
    outputs: list[list[Arrays]] = [[] for _ in files]
    with torch.inference_mode():
        for blocks in zip_longest(*map(model.blocks, files)):
            going = [place for place, block in enumerate(blocks) if block is not None]
            calls = [(*(upload(array, device) for array in blocks[place]), *states[place]) for place in going]
            for place, result in zip(going, _results(network, calls), strict=True):
                found, states[place] = split_result(result, model)
                outputs[place].append(tuple(output.cpu().numpy() for output in found))
    return outputs


def split_result(result: Any, model: NetworkModel) -> tuple[Tensors, Tensors]:
    """Split a result of a model's network into its outputs, in order, and the state, if there is one."""
    parts = result if isinstance(result, tuple) else (result,)
    count = len(model.outputs)
    return parts[:count], parts[count:]


def _results(network: Callable[..., Any], calls: Sequence[Tensors]) -> Sequence[Any]:
    if isinstance(network, MultiFileNetwork):
        return network.run_calls(calls)
    return [network(*given) for given in calls]
