"""Progress of long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def file_progress(
    what: str, total: int | None = None, quiet: bool = False, unit: str = "files"
) -> Iterator[Callable[[int], None]]:
    """Give a function to be called with the number of files just done.

    Args:
        what: the work, as the line should call it.
        total: of files, if known.
        quiet: say nothing.
        unit: what is counted, if not files.
    """
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty() and find_spec("tqdm"):
        from tqdm import tqdm

        with tqdm(desc=what, total=total, unit=f" {unit}", dynamic_ncols=True, leave=False) as bar:

            def advance(count: int) -> None:
                bar.update(count)

            yield advance
    else:
        yield _Lines(what, total, unit)


class _Lines:
    """Prints to stderr how many files are done, at most every ten seconds."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        self.what, self.total = what, f" of {total}" if total is not None else ""
        self.unit = unit
        self.done, self.start = 0, time.monotonic()
        self.next_line = self.start + _SECONDS_BETWEEN_LINES

    def __call__(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now >= self.next_line:
            self.next_line = now + _SECONDS_BETWEEN_LINES
            rate = self.done / (now - self.start)
            sys.stderr.write(f"{self.what}: {self.done}{self.total} {self.unit}, {rate:.1f} a second\n")
            sys.stderr.flush()
