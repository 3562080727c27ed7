"""A lower bound of run time: a network's operations at the speed of a large matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from fad_core.audio import read_audio
from fad_core.embedding.embed import prepare_waveform
from fad_core.models import get_model
from fad_core.models.use import ModelUse
from fad_core.runner.fast.linear import Linear
from fad_core.weights import load_state, locate_weights

_MATRIX = 2048


def matrix_rate(repeats: int = 5) -> float:
    """Measure the float32 operations per second of a large matrix product, with PyTorch's number of threads.

    The faster one counts of PyTorch's product and that of this package, with some of the rows in each thread.

    Args:
        repeats: number of measurements, of which the fastest counts.
    """
    matrix = torch.rand(_MATRIX, _MATRIX)
    packed, threads = Linear(matrix, None), torch.get_num_threads()
    times = []
    with torch.inference_mode(), ThreadPoolExecutor(threads) as pool:
        for product in (partial(torch.mm, matrix), lambda rows: list(pool.map(packed, rows.chunk(threads)))):
            product(matrix)
            for _ in range(repeats):
                start = time.perf_counter()
                product(matrix)
                times.append(time.perf_counter() - start)
    return 2 * _MATRIX**3 / min(times)


def count_flops(model_id: str, files: Sequence[Path]) -> int:
    """Count the floating-point operations of a network's convolutions, products and LSTMs; it is not run.

    Args:
        model_id: id of the model.
        files: audio files that it would embed.
    """
    model = get_model(model_id)
    network = model.build(load_state(locate_weights(model, "seeded"))).to("meta")
    total = 0
    for path in files:
        waveform = prepare_waveform(*read_audio(path), ModelUse(model))
        start = model.initial_state()
        state: tuple[torch.Tensor, ...] = () if start is None else (torch.from_numpy(start),)
        for block in model.blocks(model.frontend(waveform)):
            inputs = [torch.from_numpy(array).to("meta") for array in block]
            total += flops_of_call(network, *inputs, *(item.to("meta") for item in state))
    return total


def flops_of_call(network: Callable[..., Any], *inputs: torch.Tensor) -> int:
    """Count the floating-point operations of a network's convolutions, products and LSTMs for one call."""
    counter = FlopCounterMode(display=False)
    with counter, torch.inference_mode():
        network(*inputs)
    return counter.get_total_flops()
