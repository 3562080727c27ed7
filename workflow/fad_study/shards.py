"""Divide a data set into shards, and tell whether one must be scanned again.

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

from fad_core.datasets import AudioFile, Dataset, Listing, file_sha256, list_files
from fad_core.errors import ConfigError

if TYPE_CHECKING:
    from fad_core.datasets.scan import FileRecord

Seen = Mapping[str, Mapping[str, Any]]
"""By file name: size, mtime_ns, sha256 and token, as `seen_record` gives them."""


def shard_of(name: str, shards: int) -> int:
    """Return the shard of a file, 0 … shards - 1. It follows from the name alone: other files do not move it.

    Args:
        name: of the file in its data set.
        shards: number of shards, at least 1.

    >>> [shard_of(name, 7) for name in ("a.wav", "sub/b.flac")]
    [0, 0]
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest, "big") % shards


def shard_files(listing: Listing, shards: int, shard: int) -> tuple[AudioFile, ...]:
    """Return the files of one shard, sorted by name; there may be none.

    Args:
        listing: the files of the data set.
        shards: number of shards.
        shard: which of them, from 0.

    Raises:
        ConfigError: there is no such shard.
    """
    if not 0 <= shard < shards:
        raise ConfigError(f"there is no shard {shard} of {shards}: shards are numbered from 0")
    return tuple(file for file in listing.files if shard_of(file.name, shards) == shard)


def shard_key(dataset: str, shard: int) -> str:
    """Return the name of a shard in the record of a scan."""
    return f"{dataset}/{shard}"


def seen_path(manifest: Path) -> Path:
    """Return the path of a scan's record, beside the batch's manifest.

    The record holds modification times, which the manifest must not: the bytes of a manifest depend on the
    contents of files alone.
    """
    return manifest.with_suffix(".seen.json")


def read_seen(manifest: Path) -> Mapping[str, Seen]:
    """Read the record of a batch's last scan, by shard; what is missing or damaged causes a new scan."""
    try:
        seen = json.loads(seen_path(manifest).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: each for key, each in seen.items() if _is_record(each)} if isinstance(seen, dict) else {}


def _is_record(seen: Any) -> bool:
    return isinstance(seen, dict) and all(
        isinstance(entry, dict) and entry.keys() >= {"size", "mtime_ns", "sha256", "token"}
        for entry in seen.values()
    )


def batch_token(
    datasets: Mapping[str, Dataset],
    shards: Mapping[str, int],
    batch: Iterable[tuple[str, int]],
    manifest: Path,
) -> str:
    """Return a token that changes if a batch must be scanned again, and not if a file was only touched.

    Args:
        datasets: by their names.
        shards: number of shards of each.
        batch: (data set, shard) of each shard in it.
        manifest: path of the batch's manifest, which need not exist.
    """
    seen = read_seen(manifest)
    tokens = [
        content_token(
            shard_files(_listing(datasets[name]), shards[name], shard), seen.get(shard_key(name, shard))
        )
        for name, shard in batch
    ]
    return hashlib.sha256(" ".join(tokens).encode()).hexdigest()


@cache
def _listing(dataset: Dataset) -> Listing:
    """List a data set once for all its shards."""
    return list_files(dataset)


def content_token(files: Iterable[AudioFile], seen: Seen | None = None) -> str:
    """Return a digest of the names and contents of files, which tells whether they must be scanned again.

    A file is read only if its modification time has changed and its size has not. If its content is still the
    recorded one (the file was touched, or copied again), the digest does not change.

    Args:
        files: of one shard.
        seen: the record of their last scan (`seen_record`); None if there is none.

    Returns:
        64 hex digits.
    """
    seen = seen or {}
    tokens = [(file.name, _token(file.path, seen.get(file.name))) for file in _sorted(files)]
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def seen_record(
    files: Iterable[AudioFile], records: Iterable[FileRecord], seen: Seen | None = None
) -> dict[str, dict[str, Any]]:
    """Return what `content_token` needs of a scan, ready for JSON.

    Args:
        files: that were scanned.
        records: results of the scan.
        seen: the record of the scan before, so that a file that was only touched keeps its token.

    Returns:
        By name: size, mtime_ns, sha256 and token. Files that could not be read are left out.
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
    if not os.access(path, os.R_OK):  # a change of permissions does not change the time
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
