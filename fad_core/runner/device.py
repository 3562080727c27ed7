"""Where a network computes: a CPU, or a CUDA device with a stream for each thread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.errors import ModelError
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.runner.backend import Backend

CUDA_LANES = 2
"""Threads that feed one CUDA device, each by a stream of its own: one copies and launches while the other's
kernels run."""


def resolve_device(device: str) -> str:
    """Say which device a choice stands for.

    Args:
        device: "cpu", "cuda" (or "cuda:0", …), or "auto": cuda if there is one, else cpu.

    Raises:
        ModelError: it is none of these, or is not there.
    """
    chosen = device
    if device == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    if re.fullmatch(r"cpu|cuda(:\d+)?", chosen) is None:
        raise ModelError(f"device {device!r} is none of cpu, cuda, cuda:0 (and so on) and auto")
    if chosen != "cpu":
        if not torch.cuda.is_available():
            raise ModelError(f"device {device!r}: torch finds no CUDA device here; cpu and auto work")
        count = torch.cuda.device_count()
        if int(chosen.partition(":")[2] or 0) >= count:
            raise ModelError(f"device {device!r}: there are {count}, cuda:0 to cuda:{count - 1}")
    return chosen


def resolve_backend(backend: Backend, options: Options = DEFAULT_OPTIONS) -> Backend:
    """Say how and where a network runs where that is chosen.

    Args:
        backend: the choice; its device may be "auto".
        options: how the model is used. To imitate the original package is to run the network as it was
            exported: an old number is regenerated to its last digits by the kernels that it was made with.

    Raises:
        ModelError: there is no such device.
    """
    device = resolve_device(backend.device)
    return Backend("plain" if options.imitate_original else backend.runner, device)


def compute_in_float32(device: str) -> None:
    """Have a CUDA device compute in whole float32, until somebody says otherwise.

    By default convolutions round their arguments to ten bits; who trains beside this may like products to.
    """
    if device != "cpu":
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")


def load_workers(device: str) -> int:
    """Threads that are to load files ahead of a network there: as many as numeric ones; 0 on a CPU that has
    no other.
    """
    threads = torch.get_num_threads()
    return threads if device != "cpu" or threads > 1 else 0


def enter_lane(device: str) -> None:
    """Prepare a thread of its own for running a network beside others.

    On a CPU it computes with one numeric thread; on a CUDA device in a stream of its own.
    """
    if device == "cpu":
        torch.set_num_threads(1)
    else:
        torch.cuda.set_stream(next(_streams(device)))


@cache
def _streams(device: str) -> Iterator[torch.cuda.Stream]:
    """A device's streams, again and again: PyTorch keeps memory for each, so there are no more than lanes."""
    made = [torch.cuda.Stream(device) for _ in range(CUDA_LANES)]  # type: ignore[no-untyped-call]
    return cycle(made)


@contextmanager
def computing(device: str) -> Iterator[None]:
    """What surrounds a network's call: whole float32, and a word of what to do where memory is too little.

    Raises:
        ModelError: it is.
    """
    compute_in_float32(device)
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"device {device!r} has too little memory for this model and these files: give a smaller "
            f"batch_size (windows, or files, at once) or memory_gb, or embed on the cpu "
            f"({str(error).splitlines()[0]})"
        ) from error


def upload(array: NDArray[np.generic], device: str) -> torch.Tensor:
    """A tensor of an array, on a CUDA device by an asynchronous copy in the thread's stream."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
