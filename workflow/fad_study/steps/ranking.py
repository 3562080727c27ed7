"""Rank systems."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from fad_core.tables import DISTANCES, read_table, write_table
from fad_study.ranking import agreement_rows, ranking_rows
from fad_study.schemas.ranking import AGREEMENT, DIFFERENCES, RANKING


def rank_systems(
    distances: Path,
    parts: Sequence[Path],
    ranked: Collection[str],
    differences: Sequence[Path],
    ranking: Sequence[Path],
    agreement: Sequence[Path],
) -> None:
    """Rank the systems of some references by each model and metric, and compare these orders.

    Args:
        distances: table of distances of all models.
        parts: tables of differences, one for each model.
        ranked: names of the references.
        differences: the tables of all differences to write, all with the same rows.
        ranking: the tables of ranks to write, all with the same rows.
        agreement: the tables of rank correlations to write, all with the same rows.
    """
    compared = [row for path in parts for row in read_table(DIFFERENCES, path)]
    of_systems = [
        row
        for row in read_table(DISTANCES, distances)
        if row["reference"] in ranked and row["reference"] != row["evaluation"]
    ]
    ranks = list(ranking_rows(of_systems, compared))
    for path in differences:
        write_table(DIFFERENCES, compared, path)
    for path in ranking:
        write_table(RANKING, ranks, path)
    for path in agreement:
        write_table(AGREEMENT, list(agreement_rows(ranks)), path)
