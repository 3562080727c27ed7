"""Compile functions of arrays by Numba, and keep them for the next process."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, wraps
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
    if kept is None:
        return made
    save = kept.save_overload

    @wraps(save)
    def save_or_warn(*given: Any) -> None:
        try:
            save(*given)
        except OSError as error:
            _warn(kept.cache_path, error.strerror or str(error))

    kept.save_overload = save_or_warn
    return made


@cache
def _warn(folder: str, reason: str) -> None:
    warnings.warn(
        f"compiled functions cannot be saved in {folder} ({reason}), so each process compiles them, which "
        "takes up to a minute: free space, or name another folder in NUMBA_CACHE_DIR",
        stacklevel=2,
    )
