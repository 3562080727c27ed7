"""Rows of the tables of single files from pairs of embedded data sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.metrics.near_copies import near_copies
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


def near_copy_rows(reference: EmbeddedSet, evaluation: EmbeddedSet) -> tuple[list[dict[str, Any]], str]:
    """Return rows of `fad_core.tables.schemas.NEAR_COPIES`, the nearest first, and a note on their number.

    Args:
        reference: the reference set, with its vectors.
        evaluation: the evaluation set, with its vectors.

    Returns:
        A row for each file that is nearer to a reference file than these are to each other, and what a reader
        of the sets' distance should know; empty if there are none.

    Raises:
        ValueError: the vectors of a set are not available.
    """
    found = near_copies(reference.vectors_of(), evaluation.vectors_of())
    head = {**asdict(reference.key), "reference": reference.name, "evaluation": evaluation.name}
    return [{**head, **asdict(copy)} for copy in found.copies], found.note
