"""Write embeddings as a table, with their model and settings as metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import FileDecision
from fad_core.embedding.embedded_set import FileEmbeddings
from fad_core.embedding.facts import EmbeddingFacts, metadata_of
from fad_core.runner.exported import ExportedModel
from fad_core.runner.numerics import numerics_key
from fad_core.tables.files import write_table
from fad_core.tables.schemas import EMBEDDINGS


def write_embeddings(
    files: Sequence[FileEmbeddings], decisions: Sequence[FileDecision], exported: ExportedModel, path: Path
) -> None:
    """Write embeddings as a table of the schema EMBEDDINGS, with their model and settings as metadata.

    Args:
        files: the embeddings, sorted by file.
        decisions: what became of every file.
        exported: the model that embedded them.
        path: of the Parquet file.
    """
    facts = EmbeddingFacts(
        asdict(exported.identity),
        exported.key.settings,
        exported.model.outputs,
        exported.use.takes_scalars,
        SetCounts.of(decisions, exported.model.sample_rate),
        exported.note,
        str(numerics_key(exported.model, exported.device)),
    )
    write_table(EMBEDDINGS, _columns(files, list(exported.model.outputs)), path, metadata_of(facts))


def _columns(files: Sequence[FileEmbeddings], outputs: Sequence[str]) -> dict[str, Any]:
    """Columns of the EMBEDDINGS table: rows by file, output and window."""
    runs = [(each, name, len(each.vectors[name])) for each in files for name in outputs]
    blocks = [each.vectors[name] for each, name, _ in runs]
    # Vectors of one length as one array: a list of them would be an object each.
    together = len({block.shape[1] for block in blocks}) == 1
    return {
        "file": [each.file for each, _, count in runs for _ in range(count)],
        "output": [name for _, name, count in runs for _ in range(count)],
        "window": [window for *_, count in runs for window in range(count)],
        "start_second": np.concatenate([np.empty(0), *(each.start_seconds for each, *_ in runs)]),
        "embedding": np.concatenate(blocks) if together else [vector for block in blocks for vector in block],
    }
