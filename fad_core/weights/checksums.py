"""SHA-256 of checkpoint files, and the records of it that stand beside them.

`FILE.sha256` beside FILE is in the format of the `sha256sum` tool (`sha256sum -c FILE.sha256` checks it),
with the size and modification time of the file in a comment. It serves for two things:

* as a pin, where nobody has published a hash: the file is trusted at first use, its hash recorded, and
  any other content refused from then on;
* as a cache: as long as size and time are those of the record, hundreds of megabytes are not hashed again.
"""

from __future__ import annotations

import hashlib
import logging
import re
from functools import lru_cache
from pathlib import Path

from fad_core.errors import WeightsError
from fad_core.util.atomic import write_text

_logger = logging.getLogger(__name__)

_HASH_LINE = re.compile(r"^([0-9a-fA-F]{64}) [ *]", re.MULTILINE)
_STAT_LINE = re.compile(r"^# size=(\d+) mtime_ns=(\d+)$", re.MULTILINE)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits; hashed once a process unless its size or time changes.

    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        size, mtime_ns = _stat(path)
        return _hash(path, size, mtime_ns)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error


def record_path(path: Path) -> Path:
    """Where the record of a file's hash stands."""
    return path.with_name(f"{path.name}.sha256")


def recorded_sha256(path: Path) -> str:
    """The recorded hash of a file that need not be there (any more); "" if there is no record."""
    return _read_record(path)[0]


def checked_sha256(path: Path, published: str) -> str:
    """Make sure that a file is what it should be, and record its hash beside it.

    Args:
        path: the file.
        published: its published sha256 or the first digits of it; "" if none is: then the record
            counts, and without a record the file is trusted and recorded.

    Returns:
        All 64 hex digits.

    Raises:
        WeightsError: the file is missing, unreadable or not the one expected.
    """
    published = published.lower()
    recorded, stat = _read_record(path)
    try:
        unchanged = stat == _stat(path)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error
    if unchanged and recorded.startswith(published):
        return recorded
    actual = file_sha256(path)
    if not actual.startswith(published or recorded):
        source = "the published hash" if published else f"the hash recorded in {record_path(path)}"
        raise WeightsError(
            f"{path} is not the expected file: its sha256 is {actual}, "
            f"{source} is {published or recorded}. Remove it, so that it is downloaded again; or, if it is "
            "meant to differ, choose it by its path:",
            [("weights", str(path))],
        )
    if not published and not recorded:
        _logger.warning("no hash of %s is published; trusted at first use: sha256 %s", path, actual)
    _write_record(path, actual)
    return actual


def _stat(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=64)
def _hash(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_record(path: Path) -> tuple[str, tuple[int, int] | None]:
    """The recorded hash ("" if none) and the (size, mtime_ns) it was made at."""
    try:
        text = record_path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", None
    digest, stat = _HASH_LINE.search(text), _STAT_LINE.search(text)
    if digest is None:
        return "", None
    return digest[1].lower(), (int(stat[1]), int(stat[2])) if stat else None


def _write_record(path: Path, digest: str) -> None:
    size, mtime_ns = _stat(path)
    try:
        write_text(record_path(path), f"# size={size} mtime_ns={mtime_ns}\n{digest}  {path.name}\n")
    except OSError as error:
        # A shared folder may be read-only: the file is good all the same.
        _logger.info("the sha256 of %s could not be recorded: %s", path, error.strerror)
