"""Rows of the table of single files from pairs of embedded data sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.metrics.per_file import MEASURES, per_file_scores


def per_file_rows(
    reference: EmbeddedSet, evaluation: EmbeddedSet, measures: Collection[str] = MEASURES
) -> Iterator[dict[str, Any]]:
    """Yield a row of `fad_core.tables.schemas.PER_FILE` for each file of a set, the farthest first.

    Args:
        reference: the reference set; without its vectors, only Fréchet distances are known.
        evaluation: the evaluation set, with its vectors.
        measures: which distances of files are computed, of `fad_core.metrics.per_file.MEASURES`.

    Raises:
        ValueError: the vectors of the evaluation set are not available.
    """
    vectors = None if reference.embeddings is None else reference.vectors_of()
    head = {**asdict(reference.key), "reference": reference.name, "evaluation": evaluation.name}
    for score in per_file_scores(reference.statistics_of(), vectors, evaluation.vectors_of(), measures):
        yield {**head, **asdict(score)}
