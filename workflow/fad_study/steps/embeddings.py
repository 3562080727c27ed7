"""Embed the files of a shard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fad_core.datasets import Dataset, list_files
from fad_core.datasets.decisions import select_files
from fad_core.datasets.policy import FilePolicy
from fad_core.embedding.embed import embed_files
from fad_core.embedding.embeddings_writer import write_embeddings
from fad_core.runner.exported import ExportedModel
from fad_study.steps.files import read_manifest


def embed_shard(
    exported: ExportedModel,
    dataset: Dataset,
    manifest: Path,
    others: Sequence[Path],
    policy: FilePolicy,
    embeddings: Path,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Embed the usable files of one shard; write one row a vector, sorted by file and window.

    Args:
        exported: the model.
        dataset: the data set.
        manifest: manifest of the shard.
        others: manifests of all shards of the set, if the decision on a file depends on the other files;
            empty otherwise.
        policy: which files are embedded, and how.
        embeddings: the table to write.
        progress: called with 1 after each file.

    Raises:
        AudioError: a file has changed since the scan, or is missing.
    """
    mine = read_manifest(manifest)
    whole = [record for path in others for record in read_manifest(path)] or mine
    names = {record.file for record in mine}
    decisions = [
        decision for decision in select_files(whole, exported.use, policy) if decision.record.file in names
    ]
    paths = {file.name: file.path for file in list_files(dataset).files}
    done = []
    for item in embed_files(exported, decisions, paths, exported.workers):
        done.append(item)
        if progress is not None:
            progress(1)
    write_embeddings(done, decisions, exported, embeddings)
