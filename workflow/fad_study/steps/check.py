"""Decide on the files of all data sets before anything is embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fad_core.datasets.decisions import require_allowed, require_vectors, select_files
from fad_core.datasets.policy import FilePolicy
from fad_core.models.use import ModelUse
from fad_study.decisions import write_decisions
from fad_study.steps.files import read_manifests


def check_files(
    manifests: Sequence[Path],
    datasets: Sequence[str],
    models: Mapping[str, ModelUse],
    policy: FilePolicy,
    decisions: Path,
) -> None:
    """Decide on every file of the study before anything is embedded; write the table of decisions.

    Args:
        manifests: manifests of all batches.
        datasets: names of the data sets.
        models: models and how they are used, by their names in the study.
        policy: which files are embedded, and how.
        decisions: the table to write.

    Raises:
        BadFilesError: files cannot be used and no option allows to leave them out; the message lists them.
        DatasetError: a model would give fewer than 2 vectors of a data set; the message lists all of these.
    """
    records = read_manifests(manifests)
    decided = [
        (name, dataset, select_files(records[dataset], use, policy))
        for name, use in models.items()
        for dataset in datasets
    ]
    require_allowed(((dataset, selected) for _, dataset, selected in decided), policy)
    require_vectors((dataset, name, models[name], selected) for name, dataset, selected in decided)
    write_decisions(decided, decisions)
