"""The table of a study's distances for a paper: sets by models, or sets by sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, groupby

from fad_core.metrics import choose_metric, get_metric
from fad_core.util.formatting import weights_text
from fad_study.papers.cells import (
    Compared,
    Key,
    Row,
    both_ways,
    key_of,
    listed,
    range_text,
    rows_behind,
    titled,
    with_best,
    with_remarks,
)
from fad_study.papers.layout import Cell, Number, PaperTable
from fad_study.ranking import ALPHA

_NAMED_COLUMNS = 6
"""With more sets, columns are headed by numbers, which precede the sets' names in the rows."""

Cells = Mapping[Key, Compared]
Columns = Sequence[tuple[str, str]]
"""Models and metrics."""


def distance_table(
    study: str,
    distances: Sequence[Row],
    repeats: Sequence[Row] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    ranking: Sequence[Row] = (),
) -> PaperTable:
    """Return a table of evaluated sets by models (and metrics), in blocks by reference; a group is one row.

    If all sets were compared with each other by symmetric metrics, it is a matrix for each model instead. The
    best of each reference, model and metric are marked. A pair of a symmetric metric counts for both of its
    sets, so that it is in the table both ways if both are references.

    Args:
        study: name of the study.
        distances: rows of a DISTANCES table.
        repeats: rows of a REPEATS table.
        groups: data sets of each group of draws, by the group's name.
        ranking: rows of a RANKING table.
    """
    groups = groups or {}
    columns = list(dict.fromkeys((row["model"], row["metric"]) for row in distances))
    sets = list(dict.fromkeys(row[side] for row in distances for side in ("reference", "evaluation")))
    cells = _cells(distances, repeats, groups)
    square = not repeats and len(sets) > 2 and _is_complete(cells, columns, sets)
    if not square:
        references = {row["reference"] for row in distances}
        cells = {key: cell for key, cell in cells.items() if key[2] in references}
    marked, notes = with_remarks(with_best(cells, ranking))
    layout = _matrices(marked, columns, sets) if square else _blocks(marked, columns)
    place = _place(square, layout[1])
    general = [*_notes(distances, marked, ranking, place), *_draw_notes(repeats, groups)]
    return PaperTable(
        " ".join(_caption(distances, marked, place)),
        f"tab:{study}-distances",
        *layout,
        notes=(*(("", note) for note in general), *notes),
    )


def _place(square: bool, groups: _Body) -> str:
    """Return what the values that are compared with each other stand in."""
    return "row" if square else "column and block" if len(groups) > 1 else "column"


def _caption(distances: Sequence[Row], cells: Cells, place: str) -> Iterator[str]:
    metrics = list(dict.fromkeys(metric for _, metric, _, _ in cells))
    references = list(dict.fromkeys(key[2] for key in cells))
    models = {model for model, _, _, _ in cells}
    by = f" by {models.pop()}" if len(models) == 1 and metrics[1:] else ""
    yield (
        f"{listed([titled(get_metric(metric)) for metric in metrics])}{by} from "
        f"{'each reference' if len(references) > 1 else references[0]}; {_better(metrics)}."
    )
    numbers = [cell.number for cell in cells.values()]
    if any(number.best for number in numbers):
        alike = ", with all that cannot be told from it" if any(n.letters for n in numbers) else ""
        yield f"The best of each {place} is in bold{alike}."
    yield from weights_sentences(distances)


def _notes(distances: Sequence[Row], cells: Cells, ranking: Sequence[Row], place: str) -> Iterator[str]:
    """Yield sentences on what is in the whole table."""
    yield "n: number of embedding vectors" + ("." if place == "row" else ", reference : evaluated set.")
    if any(cell.number.letters for cell in cells.values()):
        yield (
            f"Values of a {place} that share a letter cannot be told apart (permutation test, "
            f"p > {ALPHA} after Holm's adjustment)."
        )
        by = dict.fromkeys(row["metric"] for row in ranking if row["ranked_by"] == "corrected")
        if by:
            names = listed([get_metric(metric).label for metric in by])
            yield f"The best by {names} are so by values without bias, since sets have different n."
    elif any(cell.number.best for cell in cells.values()):
        yield "Differences were not tested."
    levels = {_level(row) for row in distances if row["ci_low"] is not None}
    if levels:
        level = f"{100 * levels.pop():g} % " if len(levels) == 1 else ""
        above = (
            ", above which FAD lies by its bias" if any(row["metric"] == "fad" for row in distances) else ""
        )
        yield f"Brackets: {level}confidence interval of the value in the populations{above}."


def _draw_notes(repeats: Sequence[Row], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if repeats:
        count = sorted({row["draws"] for row in repeats})
        draws = f"{count[0]}" if len(count) == 1 else f"{count[0]} to {count[-1]}"
        yield f"± is the standard deviation over {draws} draws ({', '.join(groups)})."


def _level(row: Row) -> float:
    """Return the confidence level of the interval of a distance."""
    options = choose_metric(f"{row['metric']} {row['metric_settings']}").options
    return float(getattr(options, "level", 0.0))


def _better(metrics: Sequence[str]) -> str:
    higher = [metric for metric in metrics if get_metric(metric).higher_is_better]
    if not higher:
        return "smaller is better"
    return (
        f"larger is better for {listed([get_metric(name).label for name in higher])}, smaller for the others"
        if higher != metrics
        else "larger is better"
    )


def weights_sentences(rows: Sequence[Row]) -> list[str]:
    """Return sentences that name the weights of the rows, each once."""
    models: dict[str, list[str]] = {}
    for row in rows:
        names = models.setdefault(row["weights"], [])
        if row["model"] not in names:
            names.append(row["model"])
    if len(models) == 1:
        text = weights_text(next(iter(models)))
        return [f"{text[0].upper()}{text[1:]}."]
    return [f"{', '.join(names)}: {weights_text(weights)}." for weights, names in models.items()]


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


_Body = tuple[tuple[tuple[Cell, ...], ...], ...]
_Layout = tuple[tuple[str, ...], _Body, int]
"""Heading, rows in groups, and number of columns of names."""


def _blocks(cells: Cells, columns: Columns) -> _Layout:
    """Lay out a group of rows for each reference, a row for each evaluated set, a column for each model.

    With several metrics there is a column for each of these, and a group of rows for each model, too.
    """
    models, metrics = (list(dict.fromkeys(each)) for each in zip(*columns, strict=True))
    by_metric = len(metrics) > 1
    heads = metrics if by_metric else models
    pairs = list(dict.fromkeys(key[2:] for key in cells))
    rows = [(model, *pair) for model in (models if by_metric else [""]) for pair in pairs]
    keys: list[list[Key]] = [
        [(model, head, *pair) if by_metric else (head, metrics[0], *pair) for model, *pair in rows]
        for head in heads
    ]
    named = [len({row[0] for row in rows}) > 1, len({row[1] for row in rows}) > 1, True]
    heading = list(compress(("model", "reference", "evaluated set"), named))
    names = len(heading)
    lines: list[list[Cell]] = [list(compress(row, named)) for row in rows]
    counts = [[_vectors(cells.get(key)) for key in column] for column in keys]
    for index, (head, column) in enumerate(zip(heads, keys, strict=True)):
        heading.append(get_metric(head).label if by_metric else head)
        for line, key in zip(lines, column, strict=True):
            line.append(_number(cells.get(key)))
        # Neighbours with the same counts share one column of counts.
        if index + 1 == len(heads) or counts[index] != counts[index + 1]:
            heading.append("n")
            for line, count in zip(lines, counts[index], strict=True):
                line.append(count)
    groups = groupby(zip(rows, lines, strict=True), key=lambda item: item[0][:2])
    return tuple(heading), tuple(tuple(tuple(line) for _, line in group) for _, group in groups), names


def _matrices(cells: Cells, columns: Columns, sets: Sequence[str]) -> _Layout:
    """Lay out a group of rows for each model, a row for each reference, a column for each evaluated set."""
    numbered = len(sets) > _NAMED_COLUMNS
    several = len(columns) > 1
    metrics = len({metric for _, metric in columns}) > 1
    numbers = [str(number) for number in range(1, len(sets) + 1)]
    body: list[tuple[tuple[Cell, ...], ...]] = []
    for model, metric in columns:
        title = f"{model} ({get_metric(metric).label})" if metrics else model
        lines: list[tuple[Cell, ...]] = []
        for number, reference in zip(numbers, sets, strict=True):
            found = [cells.get((model, metric, reference, name)) for name in sets]
            count = range_text({cell.rows[0]["n_reference"] for cell in found if cell})
            names = [*([title] if several else []), *([number] if numbered else []), reference]
            lines.append((*names, *(_number(cell) for cell in found), count))
        body.append(tuple(lines))
    left = [*(["model"] if several else []), *(["no."] if numbered else []), "reference"]
    heading = (*left, *(numbers if numbered else sets), "n")
    return heading, tuple(body), len(left)


def _number(cell: Compared | None) -> Number | None:
    return None if cell is None else cell.number


def _vectors(cell: Compared | None) -> str | None:
    return None if cell is None else cell.vectors
