"""What the last scan of a shard saw, so that the next start knows whether anything has changed.

Standard library only: the Snakefile asks this for every shard whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fad_core.datasets import AudioFile, Dataset, Listing, file_sha256, list_files, shard_files

if TYPE_CHECKING:
    from fad_core.datasets.scan import FileRecord


def seen_path(manifest: Path) -> Path:
    """Where the record of a scan lies: beside the shard's manifest.

    It holds times of files, which the manifest must not: a manifest's bytes depend on contents alone.
    """
    return manifest.with_suffix(".seen.json")


def read_seen(manifest: Path) -> dict[str, dict[str, Any]] | None:
    """The record of a shard's last scan; None if it is not there or not whole, which means a new scan."""
    try:
        seen = json.loads(seen_path(manifest).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return seen if _is_record(seen) else None


def _is_record(seen: Any) -> bool:
    return isinstance(seen, dict) and all(
        isinstance(entry, dict) and entry.keys() >= {"size", "mtime_ns", "sha256", "token"}
        for entry in seen.values()
    )


def shard_token(dataset: Dataset, shard: int, manifest: Path) -> str:
    """A token that changes if the shard must be scanned anew, but not if a file was only touched."""
    return content_token(shard_files(_listing(dataset), dataset.shards, shard), read_seen(manifest))


@cache
def _listing(dataset: Dataset) -> Listing:
    """One look at a data set for all its shards."""
    return list_files(dataset)


def content_token(files: Iterable[AudioFile], seen: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """A digest of files' names and contents that tells whether they must be scanned anew.

    Cheap: a file is read only if its time has changed and its size has not. If the content is still
    the recorded one (the file was touched, or copied anew), the digest stays what it was.

    Args:
        files: of one shard.
        seen: what `seen_record` gave for them at the last scan.

    Returns:
        64 hex digits.
    """
    seen = seen or {}
    tokens = [(file.name, _token(file.path, seen.get(file.name))) for file in _sorted(files)]
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def seen_record(
    files: Iterable[AudioFile],
    records: Iterable[FileRecord],
    seen: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """What `content_token` needs to know of a scan, ready for JSON.

    Args:
        files: that were scanned.
        records: what the scan found.
        seen: the record of the scan before, so that a file that was only touched keeps its token.

    Returns:
        name → size, mtime_ns, sha256, token. Files that could not be read are left out.
    """
    scanned = {record.file: record for record in records}
    result: dict[str, dict[str, Any]] = {}
    for file in _sorted(files):
        record = scanned[file.name]
        token = _token(file.path, (seen or {}).get(file.name), record.sha256)
        status = _stat(file.path)
        if record.sha256 and status and status.st_size == record.size:
            result[file.name] = {
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
                "sha256": record.sha256,
                "token": token,
            }
    return result


def _token(path: Path, earlier: Mapping[str, Any] | None, sha256: str | None = None) -> str:
    status = _stat(path)
    if status is None:
        return "missing"
    if not os.access(path, os.R_OK):  # a change of permissions leaves the time as it was
        return "unreadable"
    if (
        earlier
        and status.st_size == earlier["size"]
        and (status.st_mtime_ns == earlier["mtime_ns"] or (sha256 or file_sha256(path)) == earlier["sha256"])
    ):
        return str(earlier["token"])
    return f"{status.st_size}-{status.st_mtime_ns}"


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _sorted(files: Iterable[AudioFile]) -> list[AudioFile]:
    return sorted(files, key=lambda file: file.name)
