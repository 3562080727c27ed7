"""The number of threads that a command computes with."""

from __future__ import annotations

import os

import click

from fad_core.util.process import limit_threads

_MOST = 8


def default_threads() -> int:
    """Return the number in `OMP_NUM_THREADS`, else the number of processors for this process, at most eight.

    Each thread embeds a batch or a file at a time, which takes memory: more are used only on request.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        processors = os.cpu_count() or 1
    return min(processors, _MOST)


def _limit(_context: click.Context, _option: click.Parameter, threads: int) -> int:
    """Let numeric libraries compute with one thread: spectra and distances would be rounded differently.

    They read it when they are imported, which a command does after its options are read.
    """
    limit_threads(1)
    return threads


threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1, max=256),
    default=default_threads,
    callback=_limit,
    help="Number of threads; scores do not depend on it.  "
    f"[default: OMP_NUM_THREADS, else one per processor, at most {_MOST}]",
)


def use_threads(threads: int) -> None:
    """Set the number of threads of PyTorch."""
    import torch

    torch.set_num_threads(threads)
