"""Scan the files of a data set, shard by shard."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from fad_core.datasets import Dataset, list_files
from fad_core.datasets.policy import Leftovers
from fad_core.datasets.scan import FileRecord, scan_files
from fad_core.tables import read_table, write_table
from fad_core.util.atomic import write_text
from fad_study.schemas.files import MANIFEST
from fad_study.shards import read_seen, seen_path, seen_record, shard_files


def dataset_at(name: str, path: Sequence[str], leftovers: Leftovers) -> Dataset:
    """Return the data set at one or several paths.

    Args:
        name: of the data set.
        path: one folder, glob or file; or several files.
        leftovers: whether files that other tools have written there are ignored or used.
    """
    return Dataset(name, path[0] if len(path) == 1 else tuple(path), leftovers)


def scan_shard(
    dataset: Dataset,
    shards: int,
    shard: int,
    manifest: Path,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Scan the files of one shard; write its manifest, and the record that the next scan compares with.

    Args:
        dataset: the data set.
        shards: number of its shards.
        shard: which of them, from 0.
        manifest: the table to write; the record is written beside it (`fad_study.shards.seen_path`).
        progress: called with 1 after each file.
    """
    files = shard_files(list_files(dataset), shards, shard)
    records = scan_files(files, progress)
    seen = seen_record(files, records, read_seen(manifest))
    write_text(seen_path(manifest), json.dumps(seen, indent=1, sort_keys=True))
    write_table(MANIFEST, [asdict(record) for record in records], manifest)


def read_manifest(manifest: Path) -> list[FileRecord]:
    """Read the records of a shard's scan."""
    return [FileRecord(**row) for row in read_table(MANIFEST, manifest)]
