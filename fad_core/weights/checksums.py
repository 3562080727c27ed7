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

_RECORD = re.compile(r"(?:^# (size=\d+ mtime_ns=\d+)\n)?^([0-9a-fA-F]{64}) [ *]", re.MULTILINE)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hex digits.

    It is computed once a process unless the file's size or time changes.

    Raises:
        WeightsError: the file cannot be read.
    """
    return _hash(path, _state(path))


def recorded_sha256(path: Path) -> str:
    """Return the recorded hash of a file that need not be there (any more); "" if there is no record."""
    return _read_record(path)[1]


def checked_sha256(path: Path, published: str, *, record: bool = True) -> str:
    """Make sure that a file is what it should be, and record its hash beside it.

    Args:
        path: the file.
        published: its published sha256 or the first digits of it; "" if none is: then the record
            counts, and without a record the file is trusted and recorded.
        record: whether the hash is recorded.

    Returns:
        All 64 hex digits.

    Raises:
        WeightsError: the file is missing, unreadable or not the one expected.
    """
    published = published.lower()
    state = _state(path)
    recorded_state, recorded = _read_record(path)
    if recorded_state == state and recorded.startswith(published):
        return recorded
    actual = file_sha256(path)
    if not actual.startswith(published or recorded):
        source = "the published hash" if published else f"the hash recorded in {_record_path(path)}"
        raise WeightsError(
            f"{path} is not the expected file: its sha256 is {actual}, "
            f"{source} is {published or recorded}. Remove it, so that it is downloaded again; or, if it is "
            "meant to differ, choose it by its path:",
            [("weights", str(path))],
        )
    if not published and not recorded:
        _logger.warning("no hash of %s is published; trusted at first use: sha256 %s", path, actual)
    if not record:
        return actual
    try:
        write_text(_record_path(path), f"# {state}\n{actual}  {path.name}\n")
    except OSError as error:
        # A shared folder may be read-only: the file is good all the same.
        _logger.info("the sha256 of %s could not be recorded: %s", path, error.strerror)
    return actual


def _state(path: Path) -> str:
    """Return what a file's record says of its size and time."""
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error
    return f"size={stat.st_size} mtime_ns={stat.st_mtime_ns}"


@lru_cache(maxsize=64)
def _hash(path: Path, _state: str) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _read_record(path: Path) -> tuple[str, str]:
    """Return the recorded size and time, and the hash that the file had then; "" where there is none."""
    try:
        record = _RECORD.search(_record_path(path).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        record = None
    return (record[1] or "", record[2].lower()) if record else ("", "")
