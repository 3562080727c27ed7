"""A progress bar where one can be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def byte_bar(name: str, total: int | None, done: int, *, wanted: bool) -> Iterator[Callable[[int], object]]:
    """Show a bar of bytes on stderr, if that is a terminal, not a log, and tqdm is installed.

    Args:
        name: stands before the bar.
        total: bytes in all; None if unknown.
        done: bytes that are there already.
        wanted: whether to show it at all.

    Yields:
        A function that moves it on by so many bytes.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda _count: None
        return
    # tqdm reads None as: only on a terminal.
    disable = None if wanted else True
    with tqdm(desc=name, total=total, initial=done, unit="B", unit_scale=True, disable=disable) as bar:
        yield bar.update
