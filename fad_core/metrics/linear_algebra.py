"""`scipy.linalg`, imported only where its library finds the memory that it starts with.

The OpenBLAS that SciPy brings (0.3.30) takes a buffer of 32 MB for each of its threads when it is loaded,
and one for the first computation. Where a limit on the address space (`ulimit -v`) leaves no room for one, it
tries for ever: the import does not return, nor does Python handle a signal. So room is looked for before.
"""

from __future__ import annotations

import mmap
import os
import resource

from fad_core.errors import ResourceError

_BUFFER = 32 << 20
_LIBRARY = 160 << 20
"""What the shared objects of scipy.linalg take, and the first arrays."""


def _require_room(limit: int) -> None:
    """Check that the address space has room for the library and its buffers.

    Args:
        limit: on the address space, in bytes.

    Raises:
        ResourceError: it has not.
    """
    processors = os.cpu_count() or 1
    asked = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or ""
    threads = min(int(asked), processors) if asked.isdecimal() else processors
    wanted = _LIBRARY + (threads + 2) * _BUFFER
    try:
        mmap.mmap(-1, wanted).close()
    except (OSError, MemoryError) as error:
        raise ResourceError(
            f"the limit on the address space (ulimit -v: {limit / 1e9:.2f} GB) leaves less than the "
            f"{wanted / 1e9:.2f} GB that the linear algebra library needs: raise it, or limit resident memory"
        ) from error


_limit = resource.getrlimit(resource.RLIMIT_AS)[0]
if _limit != resource.RLIM_INFINITY:
    _require_room(_limit)

from scipy import linalg  # noqa: E402 - only now

if _limit != resource.RLIM_INFINITY:
    # Take the buffer of the first computation while there is room.
    linalg.lapack.dpotrf([[1.0]])

__all__ = ["linalg"]
