"""Score single files, and draw maps of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from fad_core.embedding.per_file import per_file_rows
from fad_core.tables import PER_FILE, write_table
from fad_study.file_map import file_means, map_rows
from fad_study.labels import Labels, labelled
from fad_study.report.map import plot_map
from fad_study.schemas.ranking import MAP
from fad_study.steps.distances import read_set, with_vectors


def score_files(
    statistics: Sequence[Path],
    embeddings: Sequence[Path],
    models: Collection[str],
    pairs: Sequence[tuple[str, str]],
    measures: Collection[str],
    outputs: Sequence[Path],
    maps: Sequence[Path] = (),
    figures: Sequence[Sequence[Path]] = (),
    labels: Labels | None = None,
) -> None:
    """Score each file of the evaluation sets against the reference, and draw a map of all files.

    Args:
        statistics: tables of statistics, `…/{model}/{data set}.parquet`.
        embeddings: tables of embeddings of all batches, `…/{model}/{batch}.parquet`.
        models: names of the models.
        pairs: (reference, evaluation), names of data sets.
        measures: which of nearest, kad and fad are computed.
        outputs: the tables to write, all with the same rows.
        maps: the tables of maps to write, one for each model.
        figures: the maps to draw, one for each model in some formats.
        labels: what figures call the data sets.
    """
    rows = []
    for number, model in enumerate(models):
        means: dict[tuple[str, str], Any] = {}
        sets = {path.stem: read_set(path) for path in statistics if path.parent.name == model}
        tables = [path for path in embeddings if path.parent.name == model]
        for reference in dict.fromkeys(reference for reference, _ in pairs):
            whole = with_vectors(sets[reference], tables)
            means |= file_means(whole)
            if not whole.embeddings:  # it was given as a file of statistics
                whole = sets[reference]
            for name in (evaluation for other, evaluation in pairs if other == reference):
                evaluated = with_vectors(sets[name], tables)
                means |= file_means(evaluated)
                rows += list(per_file_rows(whole, evaluated, measures))
        points = map_rows(next(iter(sets.values())), means) if maps else []
        for path in maps[number : number + 1]:
            write_table(MAP, points, path)
        for paths in figures[number : number + 1]:
            plot_map(labelled(points, labels or {}), *paths)
    for path in outputs:
        write_table(PER_FILE, rows, path)
