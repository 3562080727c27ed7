"""From a shard's files to embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fad_core.compatibility import takes_scalars
from fad_core.datasets import Dataset, list_files
from fad_core.datasets.counts import SetCounts
from fad_core.datasets.policy import FilePolicy
from fad_core.datasets.selection import FileUse, select_files
from fad_core.embedding import FileEmbeddings, embed_files
from fad_core.exported import ExportedModel
from fad_core.settings import Settings
from fad_core.steps.files import read_manifest
from fad_core.tables.facts import EmbeddingFacts, metadata_of
from fad_core.tables.files import write_table
from fad_core.tables.schemas import EMBEDDINGS


def embed_shard(
    exported: Path,
    dataset: Dataset,
    manifest: Path,
    others: Sequence[Path],
    policy: FilePolicy,
    settings: Settings,
    embeddings: Path,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Embed the files of one shard that can be used; write one row a vector, sorted by file and window.

    Args:
        exported: the `.pt2` file.
        dataset: the data set.
        manifest: of the shard.
        others: manifests of all shards of the set, where what becomes of a file depends on these.
        policy: what the user says of files.
        settings: of the model.
        embeddings: the table to write.
        progress: called with 1 after each file.

    Raises:
        ModelError: the exported model cannot be read.
        AudioError: a file has changed since the scan, or is gone.
    """
    model = ExportedModel.own(exported, device=settings.device, settings=settings)
    mine = read_manifest(manifest)
    whole = [record for path in others for record in read_manifest(path)] or mine
    names = {record.file for record in mine}
    uses = [use for use in select_files(whole, model.model, policy) if use.record.file in names]
    paths = {file.name: file.path for file in list_files(dataset).files}
    done = []
    for item in embed_files(model, uses, paths, model.workers):
        done.append(item)
        if progress is not None:
            progress(1)
    write_embeddings(done, uses, model, embeddings)


def write_embeddings(
    files: Sequence[FileEmbeddings], uses: Sequence[FileUse], exported: ExportedModel, path: Path
) -> None:
    """Write embeddings as a table of the schema EMBEDDINGS, with what they are of in its metadata.

    Args:
        files: the embeddings, sorted by file.
        uses: what became of every file.
        exported: the model that embedded them.
        path: of the Parquet file.
    """
    model = exported.model
    facts = EmbeddingFacts(
        asdict(exported.identity),
        model.settings_text,
        takes_scalars(model),
        SetCounts.of(uses, model.sample_rate),
        exported.note,
    )
    write_table(EMBEDDINGS, _embedding_columns(files, model.embedding_dim), path, metadata_of(facts))


def _embedding_columns(done: Sequence[FileEmbeddings], dimension: int) -> dict[str, Any]:
    counts = [len(item.embeddings) for item in done]
    empty = np.empty((0, dimension), dtype=np.float32)
    return {
        "file": [item.file for item, count in zip(done, counts, strict=True) for _ in range(count)],
        "window": [window for count in counts for window in range(count)],
        "start_second": np.concatenate([np.empty(0), *(item.start_seconds for item in done)]),
        "embedding": np.concatenate([empty, *(item.embeddings for item in done)]),
    }
