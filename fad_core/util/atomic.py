"""Write outputs whole: to a temporary name beside the target, then rename it.

A killed job, a full disk or a power cut leaves the old file or none, never a half of the new one.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from fad_core.errors import OutputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Give a temporary path in the target's folder; move it onto the target on success.

    The folder is made if need be. On any exception the temporary file is removed and the target
    stays as it was. The data is on disk (fsync) before the target's name points to it.

    Args:
        target: the file that is written.

    Yields:
        The temporary path, of an empty file.

    Raises:
        OutputError: the folder or the file cannot be written, or the disk is full.
    """
    target = Path(target)
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        # The caller may read other files, whose errors are not ours to explain.
        with _explained(target, only=_NO_ROOM):
            yield temporary
        with _explained(target):
            # mkstemp makes files private; give the mode any other program would have given.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(target: Path | str) -> None:
    """Stop where a file or a folder cannot be made, before hours are spent on what should lie there.

    Args:
        target: the file or the folder; nothing is made.

    Raises:
        OutputError: its folder, or the nearest one above it that exists, cannot be written to.
    """
    with _explained(Path(target)):
        path = Path(target).absolute()
        folder = path if path.is_dir() else next(folder for folder in path.parents if folder.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextmanager
def _explained(target: Path, only: Collection[int] | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        raise OutputError(target, error.strerror or str(error)) from error


def write_text(target: Path | str, text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends, whole or not at all.

    Raises:
        OutputError: as `atomic_path`.
    """
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
