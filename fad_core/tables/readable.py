"""Errors about tables that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fad_core.errors import FadError


@contextmanager
def readable_file(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading `path` into a FadError that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise FadError(f"{path}: there is no such table: run the step that makes it") from error
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise FadError(f"{path}: cannot be read: {error.strerror or error}") from error
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> FadError:
    """What to raise for a file that is there and is not whole."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return FadError(f"{path}: damaged or cut short ({reason}): delete it and run again")
