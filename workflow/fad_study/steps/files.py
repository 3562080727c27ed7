"""Scan the files of data sets, a batch of shards at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

from fad_core.datasets import Dataset, list_files
from fad_core.datasets.policy import Leftovers
from fad_core.datasets.scan import FileRecord, scan_files
from fad_core.errors import FadError
from fad_core.tables import read_table, write_table
from fad_core.tables.parquet import read_metadata
from fad_core.util.atomic import write_text
from fad_study.schemas.files import MANIFEST
from fad_study.shards import read_seen, seen_path, seen_record, shard_files, shard_key

Progress = Callable[[int], None]


def dataset_at(name: str, path: Sequence[str], leftovers: Leftovers) -> Dataset:
    """Return the data set at one or several paths.

    Args:
        name: of the data set.
        path: one folder, glob or file; or several files.
        leftovers: whether files that other tools have written there are ignored or used.
    """
    return Dataset(name, path[0] if len(path) == 1 else tuple(path), leftovers)


def scan_batch(
    shards: Sequence[Mapping[str, Any]],
    leftovers: Leftovers,
    manifest: Path,
    progress: Progress | None = None,
    *,
    loudness: bool = False,
) -> None:
    """Scan the files of a batch of shards; write its manifest, and the record for the next scan.

    Args:
        shards: of each, the name of its `dataset`, the `path` or paths of that, how many `shards` it has, and
            which `shard` this is, from 0.
        leftovers: whether files that other tools have written into the data sets are ignored or used.
        manifest: the table to write; the record is written beside it (`fad_study.shards.seen_path`).
        progress: called with 1 after each file.
        loudness: whether to measure the loudness of each file.
    """
    earlier, seen, rows = read_seen(manifest), {}, []
    for shard in shards:
        name = shard["dataset"]
        listing = list_files(dataset_at(name, shard["path"], leftovers))
        files = shard_files(listing, shard["shards"], shard["shard"])
        records = scan_files(files, progress, loudness=loudness)
        key = shard_key(name, shard["shard"])
        seen[key] = seen_record(files, records, earlier.get(key))
        rows += [{"dataset": name, **asdict(record)} for record in records]
    write_text(seen_path(manifest), json.dumps(seen, indent=1, sort_keys=True))
    write_table(MANIFEST, sorted(rows, key=itemgetter("dataset", "file")), manifest, {"batch": manifest.stem})


def read_manifests(manifests: Sequence[Path]) -> dict[str, list[FileRecord]]:
    """Read the records of all files of some batches, by data set, files in the order of their names.

    Args:
        manifests: tables that `scan_batch` has written, each named after its batch.

    Raises:
        FadError: a table is missing, damaged, or of another batch.
    """
    records: dict[str, list[FileRecord]] = {}
    for manifest in manifests:
        batch = read_metadata(MANIFEST, manifest).get("batch")
        if batch != manifest.stem:
            raise FadError(f"{manifest}: this is the manifest of the batch {batch}: delete it and run again")
        for row in read_table(MANIFEST, manifest):
            records.setdefault(row.pop("dataset"), []).append(FileRecord(**row))
    for found in records.values():
        found.sort(key=attrgetter("file"))
    return records
