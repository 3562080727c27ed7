"""From a data set's embeddings to its statistics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fad_core.compatibility import as_scalars
from fad_core.datasets.counts import SetCounts
from fad_core.datasets.selection import require_enough
from fad_core.errors import FadError
from fad_core.statistics import statistics_of
from fad_core.tables import STATISTICS, write_table
from fad_core.tables.embeddings import iterate_embeddings, read_embedding_counts
from fad_core.tables.parquet import read_metadata
from fad_core.tables.statistics import statistics_to_row


def compute_statistics(embeddings: Sequence[Path], dataset: str, model: str, statistics: Path) -> None:
    """Reduce a data set's embeddings to (n, mean, factor), files in order whatever their shard.

    Raises:
        DatasetError: there are fewer than 2 vectors.
        FadError: the shards were embedded by different models, or with different settings.
    """
    metadata = [read_metadata(path) for path in embeddings]
    identities = {(item["identity"], item["settings"]) for item in metadata}
    if len(identities) > 1:
        raise FadError(
            f"the shards of {dataset} were embedded by different models, or settings of one: "
            "delete them and run again"
        )
    identity, settings = identities.pop()
    identity = json.loads(identity)
    scalars = json.loads(metadata[0]["scalars"])
    counts = SetCounts.total([SetCounts(**json.loads(item["counts"])) for item in metadata])
    vectors = sum(read_embedding_counts(embeddings).values())
    require_enough(dataset, model, vectors)
    blocks = (block for _, block in iterate_embeddings(embeddings))
    row = statistics_to_row(
        statistics_of(map(as_scalars, blocks) if scalars else blocks),
        model=model,
        weights=identity["weights"],
        weights_sha256=identity["weights_sha256"],
        settings=settings,
        dataset=dataset,
        counts=counts,
    )
    write_table(STATISTICS, [row], statistics, {"note": _note([item["note"] for item in metadata])})


def _note(notes: Sequence[str]) -> str:
    """Join what is to be known of the shards, and say so where it is not true of all."""
    found = sorted({note for note in notes if note})
    return "; ".join(found if len(set(notes)) == 1 else [f"of some shards: {note}" for note in found])
