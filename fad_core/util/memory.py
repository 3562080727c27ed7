"""How the C library hands memory out to threads."""

from __future__ import annotations

import ctypes
import sys

# glibc's mallopt(3).
_ARENA_MAX = -8


def share_memory() -> None:
    """Have all threads take memory from one place, where what one gives back serves another.

    glibc makes a place of its own for each thread, and what lies free in one is lost to the others: for
    threads that read files and run networks, 0.1 to 0.4 GB. Elsewhere this does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, 1)
