"""Show the progress of long work: a bar on a terminal, occasional lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress_bar(
    what: str, total: int | None = None, quiet: bool = False, unit: str = "files", done: int = 0
) -> Iterator[Callable[[int], None]]:
    """Show on stderr how much of the work is done: with tqdm on a terminal, otherwise in lines.

    Args:
        what: name of the work, shown before the bar.
        total: total number of units; None if unknown.
        quiet: show nothing.
        unit: name of the units.
        done: number of units done before.

    Yields:
        A function to call with the number of units just done.
    """
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty() and find_spec("tqdm"):
        from tqdm import tqdm

        with tqdm(
            desc=what,
            total=total,
            initial=done,
            unit=f" {unit}",
            unit_scale=unit == "bytes",
            dynamic_ncols=True,
            leave=False,
        ) as bar:

            def update(count: int) -> None:
                bar.update(count)

            yield update
    else:
        of_total = f" of {total}" if total is not None else ""
        start = last = time.monotonic()
        new = 0

        def advance(count: int) -> None:
            nonlocal last, new
            new += count
            now = time.monotonic()
            if now >= last + _SECONDS_BETWEEN_LINES:
                last = now
                rate = new / (now - start)
                sys.stderr.write(f"{what}: {done + new}{of_total} {unit}, {rate:.1f} per second\n")
                sys.stderr.flush()

        yield advance
