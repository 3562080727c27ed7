"""Where a network computes: a CPU, or a CUDA device with a stream for each thread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import cycle
from threading import Lock
from typing import Any

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


class _WholeFloat32:
    """Switches of the process: set by the first thread that enters, and put back by the last that leaves."""

    def __init__(self, *switches: Any) -> None:
        self._switches = switches
        self._lock, self._threads = Lock(), 0
        self._found: list[str] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._threads:
                self._found = [switch.fp32_precision for switch in self._switches]
                self._set(["ieee"] * len(self._found))
            self._threads += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._threads -= 1
            if not self._threads:
                self._set(self._found)

    def _set(self, values: Sequence[str]) -> None:
        for switch, value in zip(self._switches, values, strict=True):
            switch.fp32_precision = value


_backends: Any = torch.backends
_FLOAT32_ON_CPU = _WholeFloat32(_backends.mkldnn.conv, _backends.mkldnn.rnn, _backends.mkldnn.matmul)
_FLOAT32_ON_CUDA = _WholeFloat32(_backends.cudnn.conv, _backends.cudnn.rnn, _backends.cuda.matmul)


def whole_float32(device: str = "cpu") -> AbstractContextManager[None]:
    """Compute convolutions, LSTMs and matrix products in whole float32 within a `with` statement.

    By default cuDNN rounds the arguments of convolutions to ten bits, and a program that trains beside this
    may have allowed as much, or bfloat16, for products and on a CPU. What it has chosen is put back.

    Args:
        device: that computes. Several threads may be within at once, and a thread more than once.
    """
    return _FLOAT32_ON_CPU if device == "cpu" else _FLOAT32_ON_CUDA


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
    """Surround a network's call: compute in whole float32, and say what to do where memory is too little.

    Raises:
        ModelError: the device has too little memory.
    """
    try:
        with whole_float32(device):
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
