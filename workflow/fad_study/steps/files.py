"""The files of a data set, scanned shard by shard."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from fad_core.datasets import Dataset, list_files, shard_files
from fad_core.datasets.policy import Leftovers
from fad_core.datasets.scan import FileRecord, scan_files
from fad_core.datasets.shards import read_seen, seen_path, seen_record
from fad_core.tables.files import read_table, write_table
from fad_core.tables.schemas import MANIFEST
from fad_core.util.atomic import write_text

Progress = Callable[[int], None]


def dataset_of(name: str, path: Sequence[str], leftovers: Leftovers = "ignore", shards: int = 1) -> Dataset:
    """A data set from its configured path or paths."""
    return Dataset(name, path[0] if len(path) == 1 else tuple(path), shards, leftovers)


def scan_shard(dataset: Dataset, shard: int, manifest: Path, progress: Progress | None = None) -> None:
    """Scan the files of one shard; write its manifest, and what the next look at the files compares with.

    That record lies beside the manifest, `{shard}.seen.json`. It holds times of files, which the
    manifest must not: its bytes depend on the files' contents alone.
    """
    files = shard_files(list_files(dataset), dataset.shards, shard)
    records = scan_files(files, progress)
    seen = seen_record(files, records, read_seen(manifest))
    write_text(seen_path(manifest), json.dumps(seen, indent=1, sort_keys=True))
    write_table(MANIFEST, [asdict(record) for record in records], manifest)


def read_manifest(manifest: Path) -> list[FileRecord]:
    """What a scan found."""
    return [FileRecord(**row) for row in read_table(MANIFEST, manifest)]
