"""Rank systems, and score single files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from fad_core.embedding.per_file import per_file_rows
from fad_core.tables import DISTANCES, PER_FILE, read_table, write_table
from fad_study.ranking import agreement_rows, ranking_rows
from fad_study.schemas.ranking import AGREEMENT, DIFFERENCES, RANKING
from fad_study.steps.distances import read_set, with_vectors


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


def score_files(
    statistics: Sequence[Path],
    embeddings: Sequence[Path],
    models: Collection[str],
    pairs: Sequence[tuple[str, str]],
    measures: Collection[str],
    outputs: Sequence[Path],
) -> None:
    """Score each file of the evaluation sets against the reference.

    Args:
        statistics: tables of statistics, `…/{model}/{data set}.parquet`.
        embeddings: tables of embeddings of all batches, `…/{model}/{batch}.parquet`.
        models: names of the models.
        pairs: (reference, evaluation), names of data sets.
        measures: which of nearest, kad and fad are computed.
        outputs: the tables to write, all with the same rows.
    """
    rows = []
    for model in models:
        sets = {path.stem: read_set(path) for path in statistics if path.parent.name == model}
        tables = [path for path in embeddings if path.parent.name == model]
        for reference in dict.fromkeys(reference for reference, _ in pairs):
            whole = with_vectors(sets[reference], tables)
            if not whole.embeddings:  # it was given as a file of statistics
                whole = sets[reference]
            for name in (evaluation for other, evaluation in pairs if other == reference):
                rows += list(per_file_rows(whole, with_vectors(sets[name], tables), measures))
    for path in outputs:
        write_table(PER_FILE, rows, path)
