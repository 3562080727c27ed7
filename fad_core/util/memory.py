"""Set how the C library allocates memory for threads."""

from __future__ import annotations

import ctypes
import sys

# glibc's mallopt(3).
_ARENA_MAX = -8


def share_memory() -> None:
    """Make all threads allocate memory from one arena, so that one can reuse memory that another has freed.

    By default, glibc uses a separate arena for each thread, and threads cannot use the free memory of other
    arenas: 0.1 to 0.4 GB for threads that read files and run networks. With other C libraries this function
    does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, 1)
