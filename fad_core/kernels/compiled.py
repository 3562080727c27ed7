"""Compiling a function of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function; the result is kept for the next process, if there is a place where it can be.

    It runs without the interpreter's lock, so threads can call it beside each other.
    """
    try:
        made: Callable[..., Any] = njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # neither the package nor a home folder can be written to
        made = njit(nogil=True, error_model="numpy")(function)
    return made
