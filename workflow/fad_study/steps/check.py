"""Decide on the files of all data sets before anything is embedded."""

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
    """Check every file of the study before anything is embedded; write counts of the decisions as JSON.

    Args:
        manifests: manifests of all shards, `…/{dataset}/{shard}.parquet`.
        models: models and how they are used, by their names in the study.
        policy: which files are embedded, and how.
        checked: the file to write.

    Raises:
        BadFilesError: files cannot be used and no option allows to leave them out; the message lists them.
        DatasetError: a model would give fewer than 2 vectors of a data set; the message lists all of these.
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
    """Yield (name of the model, data set, decisions on its files) for every model and data set.

    Args:
        manifests: manifests of all shards, `…/{dataset}/{shard}.parquet`.
        models: models and how they are used, by their names in the study.
        policy: which files are embedded, and how.
    """
    by_dataset = _by_dataset(manifests)
    for name, model in models.items():
        for dataset, records in by_dataset.items():
            yield name, dataset, select_files(records, model, policy)


def _by_dataset(manifests: Sequence[Path]) -> dict[str, list[FileRecord]]:
    """Return all records of each data set, from manifests called `…/{dataset}/{shard}.parquet`."""
    records: dict[str, list[FileRecord]] = {}
    for manifest in manifests:
        records.setdefault(manifest.parent.name, []).extend(read_manifest(manifest))
    return records
