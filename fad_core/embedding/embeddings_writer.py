"""Embeddings as a table, with what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import FileDecision
from fad_core.embedding.embed import FileEmbeddings
from fad_core.embedding.facts import EmbeddingFacts, metadata_of
from fad_core.runner.exported import ExportedModel
from fad_core.tables.files import write_table
from fad_core.tables.schemas import EMBEDDINGS


def write_embeddings(
    files: Sequence[FileEmbeddings], decisions: Sequence[FileDecision], exported: ExportedModel, path: Path
) -> None:
    """Write embeddings as a table of the schema EMBEDDINGS, with what they are of in its metadata.

    Args:
        files: the embeddings, sorted by file.
        decisions: what became of every file.
        exported: the model that embedded them.
        path: of the Parquet file.
    """
    model = exported.model
    facts = EmbeddingFacts(
        asdict(exported.identity),
        exported.key.settings,
        exported.use.takes_scalars,
        SetCounts.of(decisions, model.sample_rate),
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
