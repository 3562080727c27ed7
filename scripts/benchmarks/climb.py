"""One curve: size after size, as long as the next one is affordable."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

_MOST_SECONDS = 90.0
_MOST_GB = 0.6 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
_SHORT_SECONDS = 1.0


@dataclass(frozen=True)
class Growth:
    """One way to grow.

    Attributes:
        name: of its files.
        label: of the axis of sizes.
        power: of a size, with which the time grows at most.
        sizes: what is measured, rising.
    """

    name: str
    label: str
    power: float
    sizes: tuple[int, ...]


class Measured(NamedTuple):
    """Seconds of one size; gigabytes, where a process of its own was measured."""

    seconds: float
    peak_gb: float | None = None


def climb(
    growth: Growth, program: str, series: str, measure: Callable[[int], Measured]
) -> Iterator[dict[str, Any]]:
    """Rows of a curve; it ends where a size would take more than 90 s or 60 % of the machine's memory."""
    name = f"{growth.name}: {' '.join(filter(None, (series, program)))}"
    done: dict[int, Measured] = {}
    for size in growth.sizes:
        seconds, peak = _expected(growth, done, size)
        if seconds > _MOST_SECONDS or peak > _MOST_GB:
            sys.stderr.write(f"{name}: {size} would take {seconds:.0f} s, {peak:.1f} GB: left out\n")
            return
        done[size] = measure(size)
        sys.stderr.write(f"{name}: {size}: {done[size].seconds:.3g} s\n")
        yield {"program": program, "series": series, "size": size, **done[size]._asdict()}


def shortest(work: Callable[[], Any]) -> Measured:
    """The time of some work; of three times, where it is short."""

    def timed() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    first = timed()
    return Measured(min(first, timed(), timed()) if first < _SHORT_SECONDS else first)


def _expected(growth: Growth, done: dict[int, Measured], size: int) -> tuple[float, float]:
    """Seconds and gigabytes that a size may take; memory grows in a line, from what the program is."""
    if not done:
        return 0.0, 0.0
    *before, last = done
    seconds = done[last].seconds * (size / last) ** growth.power
    peaks = [done[each].peak_gb or 0.0 for each in (*before, last)]
    if not before:
        return seconds, peaks[-1]
    return seconds, peaks[-1] + (peaks[-1] - peaks[-2]) * (size - last) / (last - before[-1])
