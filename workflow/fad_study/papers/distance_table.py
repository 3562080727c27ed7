"""The table of a study's distances and CLAP scores for a paper: sets by models, or sets by sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import nan
from typing import NamedTuple

from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_study.papers.caption_scores import caption_rows, metric_of
from fad_study.papers.cells import (
    Compared,
    Key,
    Row,
    both_ways,
    key_of,
    range_text,
    rows_behind,
    split_no_values,
    with_best,
    with_remarks,
)
from fad_study.papers.layout import Cell, Number, PaperTable
from fad_study.papers.legend import Cells, SameCounts, caption_of, draw_notes, notes_on, same_counts
from fad_study.papers.repeats import repeat_rows

_NAMED_COLUMNS = 6
"""With more sets, columns are headed by numbers, which precede the sets' names in the rows."""

Columns = Sequence[tuple[str, str]]
"""Models and metrics."""
Groups = tuple[tuple[tuple[Cell, ...], ...], ...]
"""Rows in groups."""


def distance_table(
    study: str,
    distances: Sequence[Row],
    repeats: Sequence[Row] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    ranking: Sequence[Row] = (),
    scores: Sequence[Row] = (),
    pairs: Sequence[tuple[str, str]] = (),
    name: str = "distances",
) -> PaperTable:
    """Return a table of evaluated sets by models and metrics, in blocks by reference; a group is one row.

    If all sets were compared with each other by symmetric metrics, it is a matrix for each model instead. The
    best of each reference, model and metric are marked. Notes say why others have no value. A pair of a
    symmetric metric counts for both of its sets, so that it is in the table both ways if both are references.

    Args:
        study: name of the study.
        distances: rows of a DISTANCES table.
        repeats: rows of a REPEATS table.
        groups: data sets of each group of draws, by the group's name.
        ranking: rows of a RANKING table.
        scores: rows of a CLAP_SCORE table, with their numbers of files that were `padded`.
        pairs: (reference, evaluation), the rows of a table of CLAP scores alone; none if it has no reference.
        name: name of the table.
    """
    groups = groups or {}
    computed, (reasons, _) = distances, split_no_values(distances)
    missing = {key_of(row): row for row in both_ways(computed) if row["value"] is None}
    distances = [row for row in computed if row["value"] is not None]
    sets = list(dict.fromkeys(row[side] for row in distances for side in ("reference", "evaluation")))
    compared = _cells(distances, repeats, groups)
    square = not repeats and len(sets) > 2 and _is_complete(compared, _columns(distances), sets)
    if not square:
        references = {row["reference"] for row in distances}
        compared = {key: cell for key, cell in compared.items() if key[2] in references}
        both = [key_of(row)[2:] for row in both_ways(distances) if row["reference"] in references]
        pairs = list(dict.fromkeys([*pairs, *both]))
    captioned = list(caption_rows(scores, () if square else pairs, distances))
    drawn = repeat_rows(captioned, groups)
    rows = [*distances, *captioned]
    marked, notes = with_remarks(with_best(compared | _cells(captioned, drawn, groups), ranking))
    same = {} if square else same_counts(marked)
    sets = list(dict.fromkeys([*sets, *(row["evaluation"] for row in captioned)]))
    if square:
        layout = _matrices(marked, _columns(rows), sets)
    else:
        layout = _blocks(marked, _columns([*computed, *captioned]), same, missing)
    place = _place(square, layout.groups)
    general = [*notes_on(marked, ranking, place, same), *draw_notes([*repeats, *drawn], groups), *reasons]
    return PaperTable(
        " ".join(caption_of(rows, marked, place)),
        f"tab:{study}-{name}",
        **layout._asdict(),
        notes=(*(("", note) for note in general), *notes),
    )


def _columns(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the models and their metrics, those of a model beside each other."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    columns = dict.fromkeys((row["model"], row["metric"]) for row in rows)
    return sorted(columns, key=lambda column: models.index(column[0]))


def _place(square: bool, groups: Groups) -> str:
    """Return what the values that are compared with each other stand in."""
    return "row" if square else "column and block" if len(groups) > 1 else "column"


def _ends(row: Row) -> tuple[float, float] | None:
    return None if row["ci_low"] is None else (row["ci_low"], row["ci_high"])


def _cells(
    distances: Sequence[Row], repeats: Sequence[Row], groups: Mapping[str, Sequence[str]]
) -> dict[Key, Compared]:
    """Return all comparisons, both ways if symmetric, with groups of draws in place of their draws."""
    behind = rows_behind(distances, groups)
    drawn = {
        key_of(row): Compared(Number(row["mean"], row["sd"], row["sd"]), behind[key_of(row)])
        for row in repeats
    }
    grouped = {key_of(row) for cell in drawn.values() for row in cell.rows}
    single = {
        key_of(row): Compared(Number(row["value"], ends=_ends(row)), [row])
        for row in both_ways(distances)
        if key_of(row) not in grouped
    }
    return single | drawn


def _is_complete(cells: Cells, columns: Sequence[tuple[str, str]], sets: Sequence[str]) -> bool:
    pairs = [(one, other) for one in sets for other in sets if one != other]
    return all((*column, *pair) in cells for column in columns for pair in pairs)


class _Layout(NamedTuple):
    """Where the numbers of a `PaperTable` are."""

    heading: tuple[str, ...]
    groups: Groups
    names: int
    over: tuple[str, ...] = ()


def _blocks(cells: Cells, columns: Columns, same: SameCounts, missing: Mapping[Key, Row]) -> _Layout:
    """Lay out a group of rows for each reference, a row for each evaluated set, a column for each model.

    With several metrics, each model has a column for each of its own, even if all its values are missing.
    Numbers of vectors have columns unless they are the `same` in all rows.
    """
    pairs = list(dict.fromkeys(key[2:] for key in cells))
    references = list(dict.fromkeys(reference for reference, _ in pairs))
    # A reference's own row comes first.
    pairs.sort(key=lambda pair: (references.index(pair[0]), pair[0] != pair[1]))
    names = 1 + bool(references[1:])
    models, metrics = (list(dict.fromkeys(each)) for each in zip(*columns, strict=True))
    heading = ["reference", "evaluated set"][-names:]
    over = [""] * names
    # A set that is in no pair has no reference ("").
    lines: list[list[Cell]] = [[*(reference or None, name)[-names:]] for reference, name in pairs]
    behind = {key: Compared(Number(nan), [row]) for key, row in missing.items()} | dict(cells)
    counts = [[_vectors(behind.get((*column, *pair))) for pair in pairs] for column in columns]
    for index, (model, metric) in enumerate(columns):
        heading.append(metric_of(metric).label if metrics[1:] else model)
        over.append(model if models[1:] and metrics[1:] else "")
        for line, pair in zip(lines, pairs, strict=True):
            key = (model, metric, *pair)
            # Unlike a cell of no pair, it holds its row in a part of a divided table.
            line.append("–" if key in missing and key not in cells else _number(cells.get(key)))
        if (model, metric == CLAP_SCORE_NAME) in same:
            continue
        # Neighbours with the same counts share one column of counts.
        beside = columns[index + 1 : index + 2]
        if not beside or counts[index] != counts[index + 1] or (over[-1] and beside[0][0] != model):
            heading.append("n")
            over.append(over[-1])
            for line, count in zip(lines, counts[index], strict=True):
                line.append(count)
    groups = groupby(zip(pairs, lines, strict=True), key=lambda item: item[0][0])
    body = tuple(tuple(tuple(line) for _, line in group) for _, group in groups)
    return _Layout(tuple(heading), body, names, tuple(over) if any(over) else ())


def _matrices(cells: Cells, columns: Columns, sets: Sequence[str]) -> _Layout:
    """Lay out a group of rows for each model, a row for each reference, a column for each evaluated set.

    The CLAP score of all sets is one row. A set that has nothing else has a row only if it names its column.
    """
    numbered = len(sets) > _NAMED_COLUMNS
    several = len(columns) > 1
    metrics = len({metric for _, metric in columns}) > 1
    numbers = [str(number) for number in range(1, len(sets) + 1)]
    body: list[tuple[tuple[Cell, ...], ...]] = []
    for model, metric in columns:
        title = f"{model} ({metric_of(metric).label})" if metrics else model
        lines: list[tuple[Cell, ...]] = []
        captioned = metric == CLAP_SCORE_NAME
        for number, reference in [("", "")] if captioned else zip(numbers, sets, strict=True):
            found = [cells.get((model, metric, reference, name)) for name in sets]
            if not any(found) and (body or not numbered):
                continue
            counts = {cell.rows[0]["n_reference"] for cell in found if cell}
            count = range_text(counts) if counts else None
            names = [*([title] if several else []), *([number] if numbered else [])]
            lines.append((*names, reference or "captions", *(_number(cell) for cell in found), count))
        body.append(tuple(lines))
    left = [*(["model"] if several else []), *(["no."] if numbered else []), "reference"]
    heading = (*left, *(numbers if numbered else sets), "n")
    return _Layout(heading, tuple(body), len(left))


def _number(cell: Compared | None) -> Number | None:
    return None if cell is None else cell.number


def _vectors(cell: Compared | None) -> str | None:
    return None if cell is None else cell.vectors
