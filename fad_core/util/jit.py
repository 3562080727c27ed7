"""Compiling a function of arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
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
    # Numba's own, which raises where a disk is full.
    kept = getattr(made, "_cache", None)
    if kept is not None:
        kept.save_overload = _saving(kept.save_overload, kept.cache_path)
    return made


def _saving(save: Callable[..., None], folder: str) -> Callable[..., None]:
    """Return a function that saves what was compiled, or warns that it cannot."""

    def saved(*given: Any) -> None:
        try:
            save(*given)
        except OSError as error:
            _warn(folder, error.strerror or str(error))

    return saved


@cache
def _warn(folder: str, reason: str) -> None:
    warnings.warn(
        f"compiled functions cannot be saved in {folder} ({reason}), so each process compiles them, which "
        "takes up to a minute: free space, or name another folder in NUMBA_CACHE_DIR",
        stacklevel=2,
    )
