"""How a program of ours sets up its own process. A library calls none of these."""

from __future__ import annotations

import atexit
import gc
import os

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def limit_threads(threads: int) -> None:
    """Set how many threads numeric libraries start; before they are imported, or to no effect."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def spare_collections() -> None:
    """Have the interpreter look for garbage less often, and not once more at its end.

    PyTorch and a model are half a million objects that stay. By default they are walked through hundreds of
    times while they come into being, a quarter of the time that takes, and for half a second at the end, for
    memory that goes anyway.
    """
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
