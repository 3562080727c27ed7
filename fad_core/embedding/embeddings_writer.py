"""Write embeddings as a table, with their model and settings as metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

EmbeddedFiles = Mapping[str, tuple[Sequence[FileEmbeddings], Sequence[FileDecision]]]
"""By data set: the embeddings, sorted by file, and what became of every file."""


def write_embeddings(sets: EmbeddedFiles, exported: ExportedModel, path: Path, model: str = "") -> None:
    """Write embeddings as a table of the schema EMBEDDINGS, with their model and settings as metadata.

    Args:
        sets: the embeddings and decisions by data set.
        exported: the model that embedded them.
        path: of the Parquet file.
        model: its name in the table; "": its id.
    """
    facts = EmbeddingFacts(
        asdict(exported.identity),
        exported.key.settings,
        exported.model.outputs,
        exported.use.takes_scalars,
        {name: SetCounts.of(decisions, exported.model.sample_rate) for name, (_, decisions) in sets.items()},
        exported.note,
        str(numerics_key(exported.model, exported.device)),
    )
    columns = _columns(sets, list(exported.model.outputs))
    columns["model"] = [model or exported.model.name] * len(columns["file"])
    write_table(EMBEDDINGS, columns, path, metadata_of(facts))


def _columns(sets: EmbeddedFiles, outputs: Sequence[str]) -> dict[str, Any]:
    """Columns of the EMBEDDINGS table but the model: rows by data set, file, output and segment."""
    runs = [
        (dataset, each, name, len(each.vectors[name]))
        for dataset, (files, _) in sorted(sets.items())
        for each in files
        for name in outputs
    ]
    blocks = [each.vectors[name] for _, each, name, _ in runs]
    # Vectors of one length as one array: a list of them would be an object each.
    together = len({block.shape[1] for block in blocks}) == 1
    return {
        "dataset": [dataset for dataset, *_, count in runs for _ in range(count)],
        "file": [each.file for _, each, _, count in runs for _ in range(count)],
        "output": [name for *_, name, count in runs for _ in range(count)],
        "segment": [segment for *_, count in runs for segment in range(count)],
        "start_second": np.concatenate([np.empty(0), *(each.start_seconds for _, each, *_ in runs)]),
        "embedding": np.concatenate(blocks) if together else [vector for block in blocks for vector in block],
    }
