"""How many threads a command computes with."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from fad_core.util.process import limit_threads

_MOST = 8


def default_threads() -> int:
    """As many as `OMP_NUM_THREADS` says, else as there are processors for this process; at most eight.

    Each embeds a batch or a file at a time, which takes memory: a large machine is for who asks for it.
    """
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        processors = os.cpu_count() or 1
    return min(processors, _MOST)


def threads_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--threads N`."""
    return click.option(
        "--threads",
        type=click.IntRange(min=1, max=256),
        default=default_threads,
        help="Threads to compute with; scores do not depend on it.  "
        f"[default: OMP_NUM_THREADS, else one a processor, at most {_MOST}]",
    )(command)


def use_threads(threads: int) -> None:
    """Have PyTorch compute with so many threads, before it is imported.

    Other libraries compute with one: what they compute, spectra and distances, is either done in those
    threads, or would round otherwise with more.
    """
    limit_threads(1)
    import torch

    torch.set_num_threads(threads)
