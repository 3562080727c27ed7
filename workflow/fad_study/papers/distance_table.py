"""The table of a study's distances for a paper: sets by models, or sets by sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fad_core.metrics import get_metric
from fad_core.util.formatting import weights_text
from fad_study.papers.cells import (
    Compared,
    Key,
    Row,
    both_ways,
    key_of,
    range_text,
    rows_behind,
    with_best,
    with_remarks,
)
from fad_study.papers.layout import Cell, Number, PaperTable

_NAMED_COLUMNS = 6
"""With more sets, columns are headed by numbers, which precede the sets' names in the rows."""

Cells = Mapping[Key, Compared]
Columns = Mapping[tuple[str, str], str]
"""Headings by model and metric."""


def distance_table(
    study: str, distances: Sequence[Row], repeats: Sequence[Row], groups: Mapping[str, Sequence[str]]
) -> PaperTable:
    """Return a table of evaluated sets by models (and metrics), in blocks by reference; a group is one row.

    If all sets were compared with each other by symmetric metrics, it is a matrix for each model instead. The
    best value of each reference and model is marked as the best. A pair of a symmetric metric counts for
    both of its sets, so that it is in the table both ways if both are references.

    Args:
        study: name of the study.
        distances: rows of a DISTANCES table.
        repeats: rows of a REPEATS table.
        groups: data sets of each group of draws, by the group's name.
    """
    metrics = list(dict.fromkeys(row["metric"] for row in distances))
    columns = {
        (row["model"], row["metric"]): row["model"]
        + (f" ({get_metric(row['metric']).label})" if metrics[1:] else "")
        for row in distances
    }
    sets = list(dict.fromkeys(row[side] for row in distances for side in ("reference", "evaluation")))
    cells = _cells(distances, repeats, groups)
    square = not repeats and len(sets) > 2 and _is_complete(cells, list(columns), sets)
    if not square:
        references = {row["reference"] for row in distances}
        cells = {key: cell for key, cell in cells.items() if key[2] in references}
    marked, notes = with_remarks(with_best(cells))
    heading, names, bodies, best = _matrices(marked, columns, sets) if square else _blocks(marked, columns)
    references = {key[2] for key in cells}
    caption = [
        f"{', '.join(get_metric(metric).title for metric in metrics)} from "
        f"{'each reference' if len(references) > 1 else references.pop()}; {_better(metrics)}"
        f"{f', {best}' if any(cell.number.best for cell in marked.values()) else ''}.",
        "n: number of embedding vectors" + ("." if square else ", reference : evaluated set."),
        *weights_sentences(distances),
    ]
    if repeats:
        count = sorted({row["draws"] for row in repeats})
        draws = f"{count[0]}" if len(count) == 1 else f"{count[0]} to {count[-1]}"
        caption.append(f"± is the standard deviation over {draws} draws ({', '.join(groups)}).")
    if any(row["ci_low"] is not None for row in distances):
        caption.append(
            "Brackets hold the confidence interval of the populations' value (of FAD, below its bias)."
        )
    return PaperTable(" ".join(caption), f"tab:{study}-distances", heading, bodies, names, notes=notes)


def _better(metrics: Sequence[str]) -> str:
    higher = [metric for metric in metrics if get_metric(metric).higher_is_better]
    if not higher:
        return "smaller is better"
    return (
        f"larger is better for {', '.join(higher)}, smaller for others"
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
_Layout = tuple[tuple[str, ...], int, _Body, str]
"""Heading, number of columns of names, rows in groups, and a description of the numbers in bold."""


def _blocks(cells: Cells, columns: Columns) -> _Layout:
    """Lay out a group of rows for each reference, a row for each evaluated set, a column for each model."""
    pairs = list(dict.fromkeys(key[2:] for key in cells))
    references = list(dict.fromkeys(reference for reference, _ in pairs))
    several = len(references) > 1
    heading = ["reference", "evaluated set"] if several else ["evaluated set"]
    lines: list[list[Cell]] = [list(pair) if several else [pair[1]] for pair in pairs]
    names = len(heading)
    counts = [[_vectors(cells.get((*column, *pair))) for pair in pairs] for column in columns]
    for index, (column, title) in enumerate(columns.items()):
        heading.append(title)
        for line, pair in zip(lines, pairs, strict=True):
            line.append(_number(cells.get((*column, *pair))))
        # Neighbouring models with the same counts share one column of counts.
        if index + 1 == len(columns) or counts[index] != counts[index + 1]:
            heading.append("n")
            for line, count in zip(lines, counts[index], strict=True):
                line.append(count)
    body = tuple(
        tuple(tuple(line) for line, pair in zip(lines, pairs, strict=True) if pair[0] == reference)
        for reference in references
    )
    best = f"the best of each {'reference and ' if several else ''}column in bold"
    return tuple(heading), names, body, best


def _matrices(cells: Cells, columns: Columns, sets: Sequence[str]) -> _Layout:
    """Lay out a group of rows for each model, a row for each reference, a column for each evaluated set."""
    numbered = len(sets) > _NAMED_COLUMNS
    several = len(columns) > 1
    numbers = [str(number) for number in range(1, len(sets) + 1)]
    body: list[tuple[tuple[Cell, ...], ...]] = []
    for column, title in columns.items():
        lines: list[tuple[Cell, ...]] = []
        for number, reference in zip(numbers, sets, strict=True):
            found = [cells.get((*column, reference, name)) for name in sets]
            count = range_text({cell.rows[0]["n_reference"] for cell in found if cell})
            names = [*([title] if several else []), *([number] if numbered else []), reference]
            lines.append((*names, *(_number(cell) for cell in found), count))
        body.append(tuple(lines))
    left = [*(["model"] if several else []), *(["no."] if numbered else []), "reference"]
    heading = (*left, *(numbers if numbered else sets), "n")
    return heading, len(left), tuple(body), "the best of each row in bold"


def _number(cell: Compared | None) -> Number | None:
    return None if cell is None else cell.number


def _vectors(cell: Compared | None) -> str | None:
    return None if cell is None else cell.vectors
