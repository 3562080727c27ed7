"""The tables of files: each one, used or not and why, and how many of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.datasets.counts import total_seconds
from fad_core.datasets.selection import FileUse, OnShortFile
from fad_core.models.base import EmbeddingModel
from fad_core.steps.check import uses_by_model
from fad_core.tables import DATASETS, FILES, write_table
from fad_core.tables.embeddings import read_embedding_counts


def collect_files(
    manifests: Sequence[Path],
    embeddings: Sequence[Path],
    models: Mapping[str, EmbeddingModel],
    on_short_file: OnShortFile,
    ignored: Mapping[str, Sequence[tuple[str, str]]],
    files: Path,
    datasets: Path,
) -> None:
    """List every file of every data set, used or not and why, and count them.

    Args:
        manifests: of all shards, `…/{dataset}/{shard}.parquet`.
        embeddings: of all shards, `…/{model}/{dataset}/{shard}.parquet`.
        models: by the names they have in the study.
        on_short_file: what became of short files.
        ignored: (name, reason) of what is no audio file, by data set.
        files: the table of files to write.
        datasets: the table of counts to write.
    """
    rows: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    for name, dataset, uses in uses_by_model(manifests, models, on_short_file):
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
