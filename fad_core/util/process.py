"""Set up the process of the command or of a script. Library code must not call these functions."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
# glibc's mallopt(3).
_ARENA_MAX = -8


def limit_threads(threads: int) -> None:
    """Set how many threads numeric libraries start. It has an effect only before they are imported."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def set_up_process() -> None:
    """Make collections of garbage rare, and let all threads share one heap.

    PyTorch and a model are half a million objects that stay. By default, walking through them hundreds of
    times while they are created takes a quarter of that time, and once more at the end half a second.

    glibc creates a heap for each thread, and memory that is free in one is lost to the others: 20 to 90 MB
    for threads that read files and run networks. A single heap costs no time.
    """
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
