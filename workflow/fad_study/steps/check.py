"""The files of all data sets, judged at once before anything is embedded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fad_core.datasets.decisions import (
    FileDecision,
    require_allowed,
    require_vectors,
    select_files,
)
from fad_core.datasets.policy import FilePolicy
from fad_core.datasets.scan import FileRecord
from fad_core.models.use import ModelUse
from fad_core.util.atomic import write_text
from fad_study.steps.files import read_manifest


def check_files(
    manifests: Sequence[Path],
    models: Mapping[str, ModelUse],
    policy: FilePolicy,
    checked: Path,
) -> None:
    """Decide on every file of the study at once, before anything is embedded; write the counts as JSON.

    Args:
        manifests: of all shards, `…/{dataset}/{shard}.parquet`.
        models: by the names they have in the study.
        policy: what the user says of files.
        checked: the file to write.

    Raises:
        BadFilesError: files cannot be used and no option allows to leave them out; lists them all.
        DatasetError: a model would make fewer than 2 vectors of a data set; lists them all.
    """
    decisions = list(decide_by_model(manifests, models, policy))
    require_allowed(((dataset, selected) for _, dataset, selected in decisions), policy)
    require_vectors((dataset, name, models[name], selected) for name, dataset, selected in decisions)
    counts: dict[str, dict[str, Counter[str]]] = {}
    for name, dataset, selected in decisions:
        counts.setdefault(name, {})[dataset] = Counter(decision.status for decision in selected)
    write_text(checked, json.dumps(counts, indent=1, sort_keys=True) + "\n")


def decide_by_model(
    manifests: Sequence[Path], models: Mapping[str, ModelUse], policy: FilePolicy
) -> Iterator[tuple[str, str, list[FileDecision]]]:
    """(model's name, data set, what becomes of its files) for every model and data set.

    Args:
        manifests: of all shards, `…/{dataset}/{shard}.parquet`.
        models: by the names they have in the study.
        policy: what the user says of files.
    """
    by_dataset = _by_dataset(manifests)
    for name, model in models.items():
        for dataset, records in by_dataset.items():
            yield name, dataset, select_files(records, model, policy)


def _by_dataset(manifests: Sequence[Path]) -> dict[str, list[FileRecord]]:
    """All records of each data set, from manifests called `…/{dataset}/{shard}.parquet`."""
    records: dict[str, list[FileRecord]] = {}
    for manifest in manifests:
        records.setdefault(manifest.parent.name, []).extend(read_manifest(manifest))
    return records
