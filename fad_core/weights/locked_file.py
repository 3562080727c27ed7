"""A file that one process at a time writes to."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

_logger = logging.getLogger(__name__)


@contextmanager
def locked_file(path: Path) -> Iterator[FileIO]:
    """Open a file, made if need be, for reading and appending by this process alone.

    Waits until other processes have closed it. The lock goes with the process that holds it, however that
    ends; there is no lock file to be left behind. Inside, the file may be renamed or emptied: one that is
    empty at the end is removed.

    Raises:
        OSError: it cannot be opened, or its file system has no locks.
    """
    while True:
        stream = FileIO(path, "a+")
        try:
            _lock(stream, path)
            # While we waited it may have been renamed or removed: then this is a lock on nothing.
            if _is_at(stream, path):
                break
        except BaseException:
            stream.close()
            raise
        stream.close()
    with stream:
        try:
            yield stream
        finally:
            if _is_at(stream, path) and os.fstat(stream.fileno()).st_size == 0:
                path.unlink()


def _lock(stream: FileIO, path: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _logger.warning("waiting for another process that is writing %s", path)
        fcntl.flock(stream, fcntl.LOCK_EX)


def _is_at(stream: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False
