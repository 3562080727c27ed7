"""The results of a study as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from fad_core.metrics import get_metric
from fad_core.tables import DISTANCES, read_table
from fad_core.util.formatting import (
    Footnotes,
    aligned,
    counted,
    duration,
    significant,
    text_table,
    weights_text,
)
from fad_study.labels import labelled, labels_of
from fad_study.report.matrix import Matrix, Row, read_matrix
from fad_study.schemas.files import DATASETS

_MATRIX_SETS = 14
_MATRIX_DIGITS = 4
_MATRIX_NOTES = 6
_DIGITS = 6


def results_text(results: Path, width: int) -> str:
    """Return all distances of a study, counts of its files, and the path of its report.

    The distances of a metric are shown as a matrix if every pair of at most 14 sets was compared and the
    matrix fits, and as a list otherwise.

    Args:
        results: folder of the study's results.
        width: width of the terminal in characters.

    Raises:
        FadError: a table is missing or damaged.
    """
    tables = results / "tables"
    parts = []
    datasets = read_table(DATASETS, tables / "datasets.parquet")
    labels = labels_of(datasets)
    distances = read_table(DISTANCES, tables / "distances.parquet")
    for (model, metric), group in groupby(distances, key=lambda row: (row["model"], row["metric"])):
        rows = list(group)
        parts.append(
            f"{get_metric(metric).title}: {model}, {weights_text(rows[0]['weights'])}, "
            f"sha256 {rows[0]['weights_sha256'][:8]}…"
        )
        matrix = read_matrix(tables / f"{model}.{metric}.matrix.csv", rows).labelled(labels)
        parts.append(_distances_text(matrix, labelled(rows, labels), width))
    for model, group in groupby(labelled(datasets, labels), key=lambda row: str(row["model"])):
        parts += [f"Files: {model}", _datasets_text(list(group))]
    parts.append(f"Report: {results / 'report.html'}")
    return "\n\n".join(parts) + "\n"


def _distances_text(matrix: Matrix, rows: Sequence[Row], width: int) -> str:
    notes = Footnotes.of(row["note"] for row in rows)
    general = [f"All values: {remark}." for remark in notes.general]
    if matrix.complete and len(matrix.references) <= _MATRIX_SETS:
        for table in _matrix_texts(matrix):
            if max(map(len, table.splitlines())) <= width:
                return "\n".join([table, *general, *_notes_by_pair(notes, rows)])
    numbered = [f"[{number}] {remark}." for number, remark in enumerate(notes.numbered, start=1)]
    return "\n".join([_list_text(rows, notes), *general, *numbered])


def _matrix_texts(matrix: Matrix) -> list[str]:
    """Return the matrix with names as headings, and a narrower one with numbers as headings."""
    texts = [["" if v is None else significant(v, _MATRIX_DIGITS) for v in row] for row in matrix.values]
    numbers = [str(index) for index in range(1, len(texts) + 1)]
    named = [[name, *row] for name, row in zip(matrix.references, texts, strict=True)]
    numbered = [[number, *row] for number, row in zip(numbers, named, strict=True)]
    return [
        text_table(["reference ↓ evaluation →", *matrix.evaluations], named),
        text_table(["", "reference ↓ evaluation →", *numbers], numbered, names=2),
    ]


def _list_text(rows: Sequence[Row], notes: Footnotes) -> str:
    marks = ["".join(f"[{number}]" for number in numbers) for numbers in notes.marks]
    columns: dict[str, list[str]] = {
        "reference": [row["reference"] for row in rows],
        "evaluation": [row["evaluation"] for row in rows],
        rows[0]["metric"]: aligned([row["value"] for row in rows], _DIGITS),
    }
    if any(row["ci_low"] is not None for row in rows):
        columns["from"] = aligned([row["ci_low"] for row in rows], _DIGITS)
        columns["to"] = aligned([row["ci_high"] for row in rows], _DIGITS)
    columns["vectors"] = [f"{row['n_reference']} : {row['n_evaluation']}" for row in rows]
    for name in ("files", "padded", "excluded"):
        columns[name] = [str(row[name]) for row in rows]
    if any(marks):
        columns["notes"] = marks
    return text_table(list(columns), list(zip(*columns.values(), strict=True)), names=2)


def _notes_by_pair(notes: Footnotes, rows: Sequence[Row]) -> list[str]:
    """Return the remarks with their pairs, for a matrix, which has no room for footnote marks."""
    lines = []
    for number, remark in enumerate(notes.numbered[:_MATRIX_NOTES], start=1):
        marked = zip(rows, notes.marks, strict=True)
        pairs = [f"{row['reference']} → {row['evaluation']}" for row, marks in marked if number in marks]
        more = f" and {len(pairs) - 2} more" if len(pairs) > 2 else ""
        lines.append(f"{', '.join(pairs[:2])}{more}: {remark}.")
    if len(notes.numbered) > _MATRIX_NOTES:
        lines.append(f"{len(notes.numbered) - _MATRIX_NOTES} more remarks are in tables/distances.csv.")
    return lines


def _datasets_text(rows: Sequence[Row]) -> str:
    counts = ("used", "padded", "excluded", "ignored", "vectors")
    lines = [[row["dataset"], *(str(row[name]) for name in counts), duration(row["seconds"])] for row in rows]
    table = text_table(["data set", *counts, "audio"], lines)
    left_out = sum(row["excluded"] for row in rows)
    return f"{table}\n{counted(left_out, 'audio file')} left out." if left_out else table
