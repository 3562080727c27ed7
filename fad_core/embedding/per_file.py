"""Rows of the table of single files from pairs of embedded data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.metrics.per_file import per_file_scores


def per_file_rows(reference: EmbeddedSet, evaluation: EmbeddedSet) -> Iterator[dict[str, Any]]:
    """Yield a row of `fad_core.tables.schemas.PER_FILE` for each file of a set, the farthest first.

    Args:
        reference: the reference set, with its vectors.
        evaluation: the evaluation set, with its vectors.

    Raises:
        ValueError: the vectors of a set are not available.
    """
    statistics, vectors = reference.statistics_of(), (reference.vectors_of(), evaluation.vectors_of())
    head = {**asdict(reference.key), "reference": reference.name, "evaluation": evaluation.name}
    for score in per_file_scores(statistics, *vectors):
        yield {**head, **asdict(score)}
