"""What the last scan of a shard saw, so that the next start knows whether anything has changed.

Standard library only: the Snakefile asks this for every shard whenever it is read.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fad_core.datasets import Dataset, Listing, content_token, list_files, shard_files


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
