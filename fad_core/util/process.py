"""Set up the process of the command or of a script. Library code must not call these functions."""

from __future__ import annotations

import atexit
import gc
import os

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def limit_threads(threads: int) -> None:
    """Set how many threads numeric libraries start. It has an effect only before they are imported."""
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def spare_collections() -> None:
    """Make the interpreter collect garbage less often, and not when it exits.

    PyTorch and a model are half a million objects that stay. By default, walking through them hundreds of
    times while they are made takes a quarter of that time, and doing it once more at the end half a second.
    """
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
