"""Embed the files of a batch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from fad_core.datasets import Dataset, list_files
from fad_core.datasets.decisions import FileDecision
from fad_core.embedding.cached import embed_cached
from fad_core.embedding.embed import file_loader
from fad_core.embedding.embedded_set import FileEmbeddings
from fad_core.embedding.embedding_cache import EmbeddingCache
from fad_core.embedding.embeddings_writer import write_embeddings
from fad_core.runner.exported import ExportedModel
from fad_core.util.formatting import counted
from fad_study.decisions import read_decisions
from fad_study.steps.files import read_manifests


def embed_batch(
    exported: ExportedModel,
    model: str,
    datasets: Mapping[str, Dataset],
    manifest: Path,
    decisions: Path,
    embeddings: Path,
    cache: EmbeddingCache | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Embed the usable files of a batch of shards; write one row a vector, and print how many were embedded.

    Args:
        exported: the model.
        model: its name in the study.
        datasets: the data sets of the batch by their names.
        manifest: manifest of the batch.
        decisions: table of the decisions on all files.
        embeddings: the table to write.
        cache: cache of the model's embeddings; None: every file is embedded.
        progress: called with 1 after each file.

    Raises:
        AudioError: a file has changed since the scan, or is missing.
    """
    decided = read_decisions(decisions, model, read_manifests([manifest]))
    loaders = {name: file_loader(list_files(datasets[name]).files) for name in decided}
    sounds = [(decision, loaders[name]) for name, selected in decided.items() for decision in selected]
    done: dict[str, tuple[list[FileEmbeddings], list[FileDecision]]] = {}
    with closing(embed_cached(exported, sounds, workers=None, cache=cache)) as stream:
        for name, selected in decided.items():
            files = []
            for _ in range(sum(decision.status != "excluded" for decision in selected)):
                files.append(next(stream))
                if progress is not None:
                    progress(1)
            done[name] = files, selected
    write_embeddings(done, exported, embeddings, model)
    count = sum(len(files) for files, _ in done.values())
    stored = count if cache is None else cache.stored
    sys.stdout.write(f"{counted(count, 'file')}: {stored} embedded, {count - stored} from the cache\n")
