"""A study's tables as they stand in a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fad_core.correlation import GLOBAL, SYSTEM_MEANS
from fad_core.display import weights_text
from fad_core.metrics import get_metric
from fad_core.papers.layout import Cell, Number, PaperTable

Row = Mapping[str, Any]

_DECIMALS = 2
"""Of correlations."""


def distance_table(
    study: str, distances: Sequence[Row], repeats: Sequence[Row], groups: Mapping[str, Sequence[str]]
) -> PaperTable:
    """Evaluated sets by models (and metrics); draws of one experiment are one row.

    The smallest value of a column is the best, among those of the same reference.

    Args:
        study: its name.
        distances: rows of a DISTANCES table.
        repeats: rows of a REPEATS table.
        groups: the data sets of each group.
    """
    drawn = {name for members in groups.values() for name in members}
    kept = [row for row in distances if row["evaluation"] not in drawn or row["reference"] in drawn]
    cells = {_cell_key(row): _with_interval(row) for row in kept}
    cells |= {_cell_key(row): Number(row["mean"], row["sd"], row["sd"]) for row in repeats}
    columns = list(dict.fromkeys((row["model"], row["metric"]) for row in distances))
    pairs = list(dict.fromkeys((reference, evaluation) for _, _, reference, evaluation in cells))
    references = list(dict.fromkeys(reference for reference, _ in pairs))
    several = len(references) > 1
    bodies = []
    for reference in references:
        evaluations = [evaluation for first, evaluation in pairs if first == reference]
        values = [[cells.get((*column, reference, name)) for name in evaluations] for column in columns]
        marked = [_mark_best(column) for column in values]
        bodies.append(
            tuple(
                (*((reference,) if several else ()), name, *(column[index] for column in marked))
                for index, name in enumerate(evaluations)
            )
        )
    metrics = list(dict.fromkeys(metric for _, metric in columns))
    heading = [model if len(metrics) == 1 else f"{model} ({metric.upper()})" for model, metric in columns]
    against = "each reference" if several else references[0]
    caption = [
        f"{' and '.join(get_metric(metric).title for metric in metrics)} from {against}; "
        "smaller is nearer, the best in bold.",
        *_weights_sentences(distances),
    ]
    if repeats:
        count = sorted({row["draws"] for row in repeats})
        draws = f"{count[0]}" if len(count) == 1 else f"{count[0]} to {count[-1]}"
        caption.append(f"± is the standard deviation over {draws} draws ({', '.join(groups)}).")
    if any(row["ci_low"] is not None for row in kept):
        caption.append("± or +/− is the confidence interval.")
    names = ("reference", "evaluated set") if several else ("evaluated set",)
    return PaperTable(
        " ".join(caption), f"tab:{study}-distances", (*names, *heading), tuple(bodies), len(names)
    )


def published_table(study: str, rows: Sequence[Row]) -> PaperTable:
    """Published figures beside ours, from rows of a PUBLISHED table."""
    heading = ("model", "evaluated set", "source", "published", "here", "difference", "verdict")
    body = tuple(
        (
            row["model"],
            row["evaluation"],
            row["source"],
            Number(row["published"], digits=_digits_of(row["published"])),
            Number(row["value"], row["sd"], row["sd"]),
            _percent(row["relative_difference"]),
            row["verdict"],
        )
        for row in rows
    )
    caption = [
        "Published figures and those found here.",
        f"Agreement means within {100 * rows[0]['tolerance']:g} % of the published figure.",
        *_weights_sentences(rows),
    ]
    draws = max(row["draws"] for row in rows)
    if draws > 1:
        caption.append(f"± is the standard deviation over up to {draws} draws.")
    return PaperTable(" ".join(caption), f"tab:{study}-published", heading, (body,), 3)


def correlation_table(study: str, rows: Sequence[Row], confidence: float) -> PaperTable:
    """Pearson's coefficients, pooled and of system means, from rows of a CORRELATIONS table."""
    cells = {(row["embedding"], row["criterion"], row["category"]): row for row in rows if _is_pearson(row)}
    criteria = list(dict.fromkeys(criterion for _, criterion, _ in cells))
    embeddings = list(dict.fromkeys(embedding for embedding, _, _ in cells))
    heading, over = ["embedding"], [""]
    columns: list[list[Cell]] = [list(embeddings)]
    for criterion in criteria:
        pooled = [cells[name, criterion, GLOBAL] for name in embeddings]
        heading.append("pooled")
        columns.append(_mark_best([_with_interval(row, _DECIMALS) for row in pooled]))
        if any(row["published"] is not None for row in pooled):
            heading.append("published")
            columns.append([_published_cell(row["published"]) for row in pooled])
        heading.append("means")
        means = [cells[name, criterion, SYSTEM_MEANS] for name in embeddings]
        columns.append(_mark_best([_with_interval(row, _DECIMALS) for row in means]))
        over += [criterion] * (len(heading) - len(over))
    caption = [
        "Pearson correlation of distances with ratings, over all systems and categories (pooled) and over "
        f"the systems' means (means), with {100 * confidence:g} % bootstrap intervals over systems. "
        "The most negative is the best.",
        verdict_sentence(rows),
    ]
    return PaperTable(
        " ".join(filter(None, caption)),
        f"tab:{study}-correlations",
        tuple(heading),
        (tuple(zip(*columns, strict=True)),),
        1,
        tuple(over),
    )


def verdict_sentence(rows: Sequence[Row]) -> str:
    """How many published figures are met, in words; empty if there is none."""
    verdicts = [row["verdict"] for row in rows if row["verdict"]]
    if not verdicts:
        return ""
    if "not comparable" in verdicts:
        return f"{verdicts.count('not comparable')} of {len(verdicts)} published figures are not comparable."
    return f"{verdicts.count('agrees')} of {len(verdicts)} published figures agree."


def _cell_key(row: Row) -> tuple[str, str, str, str]:
    return row["model"], row["metric"], row["reference"], row["evaluation"]


def _with_interval(row: Row, decimals: int | None = None) -> Number:
    number = Number(row["value"], decimals=decimals)
    if row["ci_low"] is None:
        return number
    return replace(number, below=row["value"] - row["ci_low"], above=row["ci_high"] - row["value"])


def _mark_best(column: Sequence[Number | None]) -> list[Cell]:
    """The smallest of two values or more, and what looks the same as it."""
    values = [cell.value for cell in column if cell is not None]
    if len(values) < 2:
        return list(column)
    shown = {cell.value: cell.text for cell in column if cell is not None}
    best = shown[min(values)]
    return [None if cell is None else replace(cell, best=shown[cell.value] == best) for cell in column]


def _weights_sentences(rows: Sequence[Row]) -> list[str]:
    """With which weights, each said once."""
    models: dict[str, list[str]] = {}
    for row in rows:
        names = models.setdefault(row["weights"], [])
        if row["model"] not in names:
            names.append(row["model"])
    if len(models) == 1:
        text = weights_text(next(iter(models)))
        return [f"{text[0].upper()}{text[1:]}."]
    return [f"{', '.join(names)}: {weights_text(weights)}." for weights, names in models.items()]


def _is_pearson(row: Row) -> bool:
    return bool(row["statistic"] == "pearson")


def _published_cell(value: float | None) -> Cell:
    return None if value is None else Number(value, decimals=_DECIMALS)


def _percent(share: float | None) -> Cell:
    return None if share is None else f"{100 * share:+.1f} %"


def _digits_of(value: float) -> int:
    """As many digits as the figure was published with."""
    return max(1, len(repr(value).partition("e")[0].replace(".", "").lstrip("-0")))
