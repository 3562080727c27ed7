"""Compute the statistics of a data set's embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import require_enough
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.statistics_table import set_to_rows
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics, statistics_of
from fad_core.models.original_quirks import as_scalars
from fad_core.models.use import ModelKey
from fad_core.tables import STATISTICS, write_table
from fad_study.embeddings_table import iterate_embeddings, read_embedding_counts, read_embedding_facts
from fad_study.same_numerics import require_same_numerics


def compute_statistics(embeddings: Sequence[Path], dataset: str, model: str, statistics: Path) -> None:
    """Reduce a data set's embeddings to (n, mean, factor), in the order of file names whatever their shards.

    Args:
        embeddings: tables of embeddings of all shards.
        dataset: name of the data set.
        model: name of the model in the study.
        statistics: the table to write.

    Raises:
        DatasetError: there are fewer than 2 vectors.
        FadError: the shards were embedded by different models, with different settings, or on machines that
            compute differently.
    """
    facts = [read_embedding_facts(path) for path in embeddings]
    first = facts[0]
    if any(
        (each.identity, each.settings, each.outputs) != (first.identity, first.settings, first.outputs)
        for each in facts
    ):
        raise FadError(
            f"the shards of {dataset} were embedded by different models, or with different settings: "
            "delete them and run again"
        )
    require_same_numerics({path: each.numerics for path, each in zip(embeddings, facts, strict=True)})
    vectors = sum(read_embedding_counts(embeddings).values())
    require_enough(dataset, model, vectors)
    identity = first.identity
    embedded = EmbeddedSet(
        dataset,
        ModelKey(model, identity["weights"], identity["weights_sha256"], first.settings),
        {output: _statistics(embeddings, output, scalars=first.scalars) for output in first.outputs},
        SetCounts.total([each.counts for each in facts]),
    )
    note = _note([each.note for each in facts])
    metadata = {"note": note, "numerics": first.numerics}
    write_table(STATISTICS, set_to_rows(embedded), statistics, metadata)


def _statistics(embeddings: Sequence[Path], output: str, *, scalars: bool) -> Statistics:
    blocks = (block for _, block in iterate_embeddings(embeddings, output))
    return statistics_of(map(as_scalars, blocks) if scalars else blocks)


def _note(notes: Sequence[str]) -> str:
    """Join the notes of the shards; a note that not all shards have is marked so."""
    found = sorted({note for note in notes if note})
    return "; ".join(found if len(set(notes)) == 1 else [f"of some shards: {note}" for note in found])
