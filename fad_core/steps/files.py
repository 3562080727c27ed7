"""The files of the data sets: scanned, judged before anything is embedded, and listed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fad_core.atomic import write_text
from fad_core.datasets import Dataset, list_files, seen_record, shard_files
from fad_core.distances import total_seconds
from fad_core.models import get_model
from fad_core.scan import FileRecord, scan_files
from fad_core.selection import (
    FileUse,
    OnBadFile,
    OnShortFile,
    find_problems,
    require_no_problems,
    require_usable,
    select_files,
)
from fad_core.shards import read_seen, seen_path
from fad_core.tables import DATASETS, FILES, MANIFEST, read_embedding_counts, read_table, write_table

Progress = Callable[[int], None]


def dataset_of(name: str, path: Sequence[str], shards: int = 1) -> Dataset:
    """A data set from its configured path or paths."""
    return Dataset(name, path[0] if len(path) == 1 else tuple(path), shards)


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


def _by_dataset(manifests: Sequence[Path]) -> dict[str, list[FileRecord]]:
    """All records of each data set, from manifests called `…/{dataset}/{shard}.parquet`."""
    records: dict[str, list[FileRecord]] = {}
    for manifest in manifests:
        records.setdefault(manifest.parent.name, []).extend(read_manifest(manifest))
    return records


def check_files(
    manifests: Sequence[Path],
    models: Mapping[str, str],
    on_bad_file: OnBadFile,
    on_short_file: OnShortFile,
    checked: Path,
) -> None:
    """Decide on every file of the study at once, before anything is embedded; write the counts as JSON.

    Args:
        manifests: of all shards, `…/{dataset}/{shard}.parquet`.
        models: ids by the names they have in the study.
        on_bad_file: what becomes of unreadable files.
        on_short_file: what becomes of files below a model's minimum.
        checked: the file to write.

    Raises:
        BadFilesError: files cannot be used and no option allows to leave them out; lists them all.
        DatasetError: a model is left with no file of a data set.
    """
    uses = list(_uses(manifests, models, on_short_file))
    require_no_problems(
        problem
        for _, dataset, selected in uses
        for problem in find_problems(dataset, selected, on_bad_file, on_short_file)
    )
    counts: dict[str, dict[str, Counter[str]]] = {}
    for name, dataset, selected in uses:
        require_usable(dataset, name, selected)
        counts.setdefault(name, {})[dataset] = Counter(use.status for use in selected)
    write_text(checked, json.dumps(counts, indent=1, sort_keys=True) + "\n")


def _uses(
    manifests: Sequence[Path], models: Mapping[str, str], on_short_file: OnShortFile
) -> Iterator[tuple[str, str, list[FileUse]]]:
    """(model's name, data set, what becomes of its files) for every model and data set."""
    by_dataset = _by_dataset(manifests)
    for name, model_id in models.items():
        for dataset, records in by_dataset.items():
            yield name, dataset, select_files(records, get_model(model_id), on_short_file)


def collect_files(
    manifests: Sequence[Path],
    embeddings: Sequence[Path],
    models: Mapping[str, str],
    on_short_file: OnShortFile,
    ignored: Mapping[str, Sequence[tuple[str, str]]],
    files: Path,
    datasets: Path,
) -> None:
    """List every file of every data set, used or not and why, and count them.

    Args:
        manifests: of all shards, `…/{dataset}/{shard}.parquet`.
        embeddings: of all shards, `…/{model}/{dataset}/{shard}.parquet`.
        models: ids by the names they have in the study.
        on_short_file: what became of short files.
        ignored: (name, reason) of what is no audio file, by data set.
        files: the table of files to write.
        datasets: the table of counts to write.
    """
    rows: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    for name, dataset, uses in _uses(manifests, models, on_short_file):
        shards = [path for path in embeddings if path.parts[-3:-1] == (name, dataset)]
        vectors = read_embedding_counts(shards)
        place = {"model": name, "dataset": dataset}
        listed = [_file_row(place, use, vectors.get(use.record.file, 0)) for use in uses]
        listed += [_ignored_row(place, *entry) for entry in ignored.get(dataset, ())]
        rows += listed
        counts.append(_dataset_row(place, listed))
    write_table(FILES, rows, files)
    write_table(DATASETS, counts, datasets)


def _file_row(place: Mapping[str, str], use: FileUse, vectors: int) -> dict[str, Any]:
    record = use.record
    known = record.status == "ok"
    return {
        **place,
        "file": record.file,
        "status": use.status,
        "reason": use.reason,
        "sha256": record.sha256,
        "format": record.format,
        "subtype": record.subtype,
        "sample_rate": record.sample_rate if known else None,
        "channels": record.channels if known else None,
        "frames": record.frames if known else None,
        "seconds": record.seconds if known else None,
        "vectors": vectors,
    }


def _ignored_row(place: Mapping[str, str], file: str, reason: str) -> dict[str, Any]:
    unknown: dict[str, Any] = dict.fromkeys(("sha256", "format", "subtype"), "")
    unknown |= dict.fromkeys(("sample_rate", "channels", "frames", "seconds"))
    return {**place, "file": file, "status": "ignored", "reason": reason, **unknown, "vectors": 0}


def _dataset_row(place: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    statuses = Counter(row["status"] for row in rows)
    embedded = [row for row in rows if row["status"] in ("used", "padded")]
    return {
        **place,
        "found": len(rows),
        **{status: statuses[status] for status in ("used", "padded", "excluded", "ignored")},
        "vectors": sum(row["vectors"] for row in rows),
        "seconds": total_seconds(row["seconds"] for row in embedded),
    }
