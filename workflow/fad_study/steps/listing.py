"""Write the table of files, with the decision on each, and the table of their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import FileDecision
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.embeddings_reader import read_embedding_counts
from fad_core.errors import FadError
from fad_core.models.use import ModelUse
from fad_core.tables import write_table
from fad_study.decisions import read_decisions
from fad_study.schemas.files import DATASETS, FILES
from fad_study.steps.distances import read_set
from fad_study.steps.files import read_manifests

_NOTED = ("seconds", "doubtful", "doubt_seconds", "loud", "silent", "constant", "duplicates")


def collect_files(
    manifests: Sequence[Path],
    embeddings: Sequence[Path],
    given: Sequence[Path],
    names: Sequence[str],
    models: Mapping[str, ModelUse],
    decisions: Path,
    ignored: Mapping[str, Sequence[tuple[str, str]]],
    labels: Mapping[str, str],
    files: Sequence[Path],
    datasets: Sequence[Path],
) -> None:
    """List every file of every data set, whether it was used and why not, and count them.

    Args:
        manifests: manifests of all batches.
        embeddings: tables of embeddings of all batches, `…/{model}/{batch}.parquet`.
        given: tables of the statistics of data sets that were not embedded in the study; their files are
            counted, but not listed.
        names: names of all data sets, in the order of the study.
        models: models and how they are used, by their names in the study.
        decisions: table of the decisions on all files.
        ignored: (name, reason) of the files that are not audio files, by data set.
        labels: what tables for people call the data sets, by their names.
        files: the tables of files to write, all with the same rows.
        datasets: the tables of counts to write, all with the same rows.

    Raises:
        FadError: the embedded files are not those that were decided on.
    """
    rows: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    found_files = read_manifests(manifests)
    sets = {(each.key.model, each.name): each for each in map(read_set, given)}
    for name, use in models.items():
        vectors = read_embedding_counts(path for path in embeddings if path.parent.name == name)
        records = {dataset: found_files[dataset] for dataset in names if (name, dataset) not in sets}
        decided = read_decisions(decisions, name, records)
        for dataset in names:
            if (name, dataset) in sets:
                counts.append(_given_row(sets[name, dataset], labels[dataset]))
                continue
            selected = decided[dataset]
            found = vectors.get(dataset, {})
            _require_decided(name, dataset, selected, found)
            place = {"model": name, "dataset": dataset}
            listed = [_file_row(place, decision, found.get(decision.record.file, 0)) for decision in selected]
            listed += [_ignored_row(place, *entry) for entry in ignored.get(dataset, ())]
            rows += listed
            named = {**place, "label": labels[dataset]}
            counts.append(_dataset_row(named, listed, SetCounts.of(selected, use.model.sample_rate)))
    for path in files:
        write_table(FILES, rows, path)
    for path in datasets:
        write_table(DATASETS, counts, path)


def _require_decided(
    model: str, dataset: str, decisions: Sequence[FileDecision], vectors: Mapping[str, int]
) -> None:
    """Raise an error if embeddings are of other files than those selected."""
    wanted = {decision.record.file for decision in decisions if decision.status != "excluded"}
    if wanted != set(vectors):
        file = min(wanted ^ set(vectors))
        what = "should be embedded and was not" if file in wanted else "was embedded and should not be"
        raise FadError(
            f"{dataset} by {model}: {file} {what}: delete the embeddings of this data set and run again"
        )


def _file_row(place: Mapping[str, str], decision: FileDecision, vectors: int) -> dict[str, Any]:
    record = decision.record
    known = record.status != "bad"
    return {
        **place,
        "file": record.file,
        "status": decision.status,
        "reason": decision.reason,
        "note": "; ".join(remark.text for remark in decision.remarks),
        "sha256": record.sha256,
        "format": record.format,
        "subtype": record.subtype,
        "sample_rate": record.sample_rate if known else None,
        "channels": record.channels if known else None,
        "frames": record.frames if known else None,
        "seconds": record.seconds if known else None,
        "peak": record.peak if known else None,
        "loudness": record.loudness,
        "sound_sha256": record.sound_sha256,
        "vectors": vectors,
    }


def _ignored_row(place: Mapping[str, str], file: str, reason: str) -> dict[str, Any]:
    unknown: dict[str, Any] = dict.fromkeys(("note", "sha256", "format", "subtype", "sound_sha256"), "")
    unknown |= dict.fromkeys(("sample_rate", "channels", "frames", "seconds", "peak", "loudness"))
    return {**place, "file": file, "status": "ignored", "reason": reason, **unknown, "vectors": 0}


def _dataset_row(
    place: Mapping[str, str], rows: Sequence[Mapping[str, Any]], counts: SetCounts
) -> dict[str, Any]:
    statuses = Counter(row["status"] for row in rows)
    return {
        **place,
        "found": len(rows),
        **{status: statuses[status] for status in ("used", "padded", "excluded", "ignored")},
        "vectors": sum(row["vectors"] for row in rows),
        **{name: getattr(counts, name) for name in _NOTED},
    }


def _given_row(given: EmbeddedSet, label: str) -> dict[str, Any]:
    place = {"model": given.key.model, "dataset": given.name, "label": label}
    counts = given.counts
    if counts is None:
        return {**dict.fromkeys(DATASETS.names), **place}
    return {
        **place,
        "found": counts.files + counts.excluded,
        "used": counts.files - counts.padded,
        "padded": counts.padded,
        "excluded": counts.excluded,
        "ignored": 0,
        "vectors": given.statistics_of().n,
        **{name: getattr(counts, name) for name in _NOTED},
    }
