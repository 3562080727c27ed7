"""Compiling a function of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function; the result is kept for the next process, if there is a place where it can be.

    It runs without the interpreter's lock, so threads can call it beside each other.
    """
    return _compiled(function)


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function in which a product and a sum may be rounded once, where the processor can.

    Nothing is put into another order.
    """
    return _compiled(function, fastmath={"contract"})


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        made: Callable[..., Any] = njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package nor a home folder can be written to
        made = njit(**options)(function)
    return made
