"""Measure a curve of run time and memory by size, up to the largest affordable size."""

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
class Sweep:
    """One quantity whose size is varied.

    Attributes:
        name: part of the names of its files.
        label: label of the axis of sizes.
        power: the time grows at most with this power of the size.
        sizes: the sizes to measure, ascending.
    """

    name: str
    label: str
    power: float
    sizes: tuple[int, ...]


class Measured(NamedTuple):
    """Run time of one size in seconds, and peak memory in GB if a separate process was measured."""

    seconds: float
    peak_gb: float | None = None


def run_sweep(
    sweep: Sweep, program: str, series: str, measure: Callable[[int], Measured]
) -> Iterator[dict[str, Any]]:
    """Measure a curve, and stop before a size that would take more than 90 s or 60 % of the machine's memory.

    Args:
        sweep: the sizes.
        program: name of the program that is measured.
        series: name of the curve; "" if there is one curve for each program.
        measure: measures one size.

    Yields:
        One row for each size.
    """
    name = f"{sweep.name}: {' '.join(filter(None, (series, program)))}"
    done: dict[int, Measured] = {}
    for size in sweep.sizes:
        seconds, peak = _expected(sweep, done, size)
        if seconds > _MOST_SECONDS or peak > _MOST_GB:
            sys.stderr.write(f"{name}: {size} would take {seconds:.0f} s, {peak:.1f} GB: left out\n")
            return
        done[size] = measure(size)
        sys.stderr.write(f"{name}: {size}: {done[size].seconds:.3g} s\n")
        yield {"program": program, "series": series, "size": size, **done[size]._asdict()}


def shortest(work: Callable[[], Any]) -> Measured:
    """Measure the run time of a function; the shortest of three runs if it is short."""

    def timed() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    first = timed()
    return Measured(min(first, timed(), timed()) if first < _SHORT_SECONDS else first)


def _expected(sweep: Sweep, done: dict[int, Measured], size: int) -> tuple[float, float]:
    """Return the expected seconds and GB of a size; memory is extrapolated linearly."""
    if not done:
        return 0.0, 0.0
    *before, last = done
    seconds = done[last].seconds * (size / last) ** sweep.power
    peaks = [done[each].peak_gb or 0.0 for each in (*before, last)]
    if not before:
        return seconds, peaks[-1]
    return seconds, peaks[-1] + (peaks[-1] - peaks[-2]) * (size - last) / (last - before[-1])
