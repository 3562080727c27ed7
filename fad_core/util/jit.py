"""Compile functions of arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, and save the result for the next process where there is a folder for it.

    It runs without the interpreter's lock, so several threads can call it at once.
    """
    return _compiled(function)


def compiled_with_fma(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function in which a product and a sum may be rounded once, where the processor can.

    Nothing is reordered.
    """
    return _compiled(function, fastmath={"contract"})


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        made: Callable[..., Any] = njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package nor a home folder can be written to
        made = njit(**options)(function)
    # Private parts of Numba: without them a full disk raises, and an edit in another file goes unnoticed.
    saved = getattr(made, "_cache", None)
    if saved is not None:
        saved.save_overload = _warning_save(saved.save_overload, saved.cache_path)
        index = getattr(saved, "_cache_file", None)
        if index is not None:
            index._source_stamp = _folder_stamp(Path(function.__code__.co_filename).parent)
    return made


@cache
def _folder_stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file of the folder is edited.

    A function is compiled together with those that it calls, and these may be in another file of its folder.
    """
    found = ((path.name, path.stat()) for path in sorted(folder.glob("*.py")))
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def _warning_save(save: Callable[..., None], folder: str) -> Callable[..., None]:
    """Return a function that saves what was compiled, or warns that it cannot."""

    def warning_save(*given: Any) -> None:
        try:
            save(*given)
        except OSError as error:
            _warn(folder, error.strerror or str(error))

    return warning_save


@cache
def _warn(folder: str, reason: str) -> None:
    warnings.warn(
        f"compiled functions cannot be saved in {folder} ({reason}), so each process compiles them, which "
        "takes up to a minute: free space, or name another folder in NUMBA_CACHE_DIR",
        stacklevel=2,
    )
