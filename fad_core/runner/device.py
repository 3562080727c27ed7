"""The devices on which networks run: the CPU, or a CUDA device with a stream for each thread."""

from __future__ import annotations

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

CUDA_LANES = 2
"""Threads that use one CUDA device, each with its own stream: one copies data and launches kernels while the
kernels of the other run."""


class _FullFloat32:
    """Precision settings of the process, set by the first thread that enters and restored by the last."""

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
_FLOAT32_ON_CPU = _FullFloat32(_backends.mkldnn.conv, _backends.mkldnn.rnn, _backends.mkldnn.matmul)
_FLOAT32_ON_CUDA = _FullFloat32(_backends.cudnn.conv, _backends.cudnn.rnn, _backends.cuda.matmul)


def full_float32(device: str = "cpu") -> AbstractContextManager[None]:
    """Compute convolutions, LSTMs and matrix products in full float32 within a `with` statement.

    By default cuDNN rounds the arguments of convolutions to ten bits, and other code of the process may have
    allowed the same, or bfloat16, for matrix products and on a CPU. Its settings are restored afterwards.

    Args:
        device: device that computes. Several threads may enter at the same time, and a thread several times.
    """
    return _FLOAT32_ON_CPU if device == "cpu" else _FLOAT32_ON_CUDA


def load_workers(device: str) -> int:
    """Return the number of threads that load files ahead of a network on a device.

    It is the number of numeric threads; 0 on a CPU with a single one.
    """
    threads = torch.get_num_threads()
    return threads if device != "cpu" or threads > 1 else 0


def enter_lane(device: str) -> None:
    """Prepare the calling thread, one of several that run a network.

    On a CPU it computes with one numeric thread; on a CUDA device in its own stream.
    """
    if device == "cpu":
        torch.set_num_threads(1)
    else:
        torch.cuda.set_stream(next(_streams(device)))


@cache
def _streams(device: str) -> Iterator[torch.cuda.Stream]:
    """Return an endless cycle of `CUDA_LANES` streams: PyTorch reserves memory for each stream."""
    made = [torch.cuda.Stream(device) for _ in range(CUDA_LANES)]  # type: ignore[no-untyped-call]
    return cycle(made)


@contextmanager
def computing(device: str) -> Iterator[None]:
    """Run a network's call in full float32, and explain an error of too little memory.

    Raises:
        ModelError: the device has too little memory.
    """
    try:
        with full_float32(device):
            yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"device {device!r} has too little memory for this model and these files: reduce batch_size "
            f"(windows or files embedded at once) or memory_gb, or use the CPU "
            f"({str(error).splitlines()[0]})"
        ) from error


def upload(array: NDArray[np.generic], device: str) -> torch.Tensor:
    """Return a tensor of an array; a CUDA device copies it asynchronously in the thread's stream."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
