"""The matrix of one model's distances by one metric: rows are references, columns evaluated sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_core.metrics import get_metric
from fad_core.tables.csvtext import format_csv, parse_csv
from fad_core.util.atomic import write_text

Row = Mapping[str, Any]

_CORNER = "reference"


@dataclass(frozen=True)
class Matrix:
    """Distances of references (rows) and evaluated sets (columns).

    Attributes:
        references: names of the rows.
        evaluations: names of the columns.
        values: `[references][evaluations]`; None where no distance was computed.
    """

    references: tuple[str, ...]
    evaluations: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]

    def labelled(self, labels: Mapping[str, str]) -> Matrix:
        """Return the matrix with labels (`fad_study.labels`) in place of the names of data sets."""
        sides = (self.references, self.evaluations)
        references, evaluations = (tuple(labels.get(name, name) for name in side) for side in sides)
        return Matrix(references, evaluations, self.values)

    @property
    def complete(self) -> bool:
        """Whether every pair of different sets has a value."""
        return all(
            value is not None or reference == evaluation
            for reference, row in zip(self.references, self.values, strict=True)
            for evaluation, value in zip(self.evaluations, row, strict=True)
        )


def rows_of(distances: Sequence[Row], model: str, metric: str) -> list[Row]:
    """Return the rows of a DISTANCES table of one model and metric, in their order.

    Args:
        distances: rows of a DISTANCES table.
        model: name of the model.
        metric: name of the metric.

    Raises:
        FadError: there is no such row.
    """
    rows = [row for row in distances if (row["model"], row["metric"]) == (model, metric)]
    if not rows:
        known = sorted({f"{row['model']} by {row['metric']}" for row in distances})
        raise FadError(
            f"the table has no distances of {model} by {metric}; it has {', '.join(known) or 'none'}"
        )
    return rows


def distance_matrix(distances: Sequence[Row], model: str, metric: str, datasets: Sequence[str]) -> Matrix:
    """Return a table of distances as a matrix.

    Args:
        distances: rows of a DISTANCES table.
        model: name of the model.
        metric: name of the metric. A symmetric one fills both triangles; the diagonal has zeros if the metric
            is `zero_on_itself`, and is empty otherwise.
        datasets: names of the data sets, in the order of rows and columns.

    Raises:
        FadError: the table has no such distances, or has distances of a data set that is not listed.
    """
    rows = rows_of(distances, model, metric)
    unknown = sorted({row[side] for row in rows for side in ("reference", "evaluation")} - set(datasets))
    if unknown:
        raise FadError(f"the table has distances of data sets that are not listed: {', '.join(unknown)}")
    cells: dict[tuple[str, str], float | None] = {}
    chosen = get_metric(metric)
    if chosen.zero_on_itself:
        cells |= {(name, name): 0.0 for name in datasets}
    if chosen.symmetric:
        cells |= {(row["evaluation"], row["reference"]): row["value"] for row in rows}
    cells |= {(row["reference"], row["evaluation"]): row["value"] for row in rows}
    names = tuple(datasets)
    return Matrix(names, names, tuple(tuple(cells.get((row, column)) for column in names) for row in names))


def compact(matrix: Matrix, rows: Sequence[Row]) -> Matrix:
    """Remove from an incomplete matrix the rows of sets that are never a reference, and empty columns.

    The matrix of a study that compares all sets with one reference then has a single row.

    Args:
        matrix: the matrix.
        rows: rows of the DISTANCES table.
    """
    if matrix.complete:
        return matrix
    references = {row["reference"] for row in rows}
    evaluations = {row["evaluation"] for row in rows}
    columns = [index for index, name in enumerate(matrix.evaluations) if name in evaluations]
    lines = [line for line in zip(matrix.references, matrix.values, strict=True) if line[0] in references]
    return Matrix(
        tuple(name for name, _ in lines),
        tuple(matrix.evaluations[index] for index in columns),
        tuple(tuple(values[index] for index in columns) for _, values in lines),
    )


def write_matrix(matrix: Matrix, path: Path | str) -> None:
    """Write a matrix as CSV, with names in the first row and column; missing values are empty fields.

    Args:
        matrix: the matrix.
        path: the file to write.
    """
    head = (_CORNER, *matrix.evaluations)
    lines = ((name, *values) for name, values in zip(matrix.references, matrix.values, strict=True))
    write_text(path, format_csv([head, *lines]))


def read_matrix(path: Path | str, rows: Sequence[Row]) -> Matrix:
    """Read a matrix that `write_matrix` wrote, with the same bits.

    Args:
        path: the file to read, which has no checksum.
        rows: the rows of the DISTANCES table that it was made from, at least one.

    Raises:
        FadError: the file is missing, or does not hold the matrix of these distances.
    """
    try:
        head, *lines = parse_csv(Path(path).read_text(encoding="utf-8"))
        if head[0] != _CORNER or any(len(line) != len(head) for line in lines):
            raise ValueError("not a matrix of references and evaluations")
        values = tuple(tuple(float(text) if text else None for text in line[1:]) for line in lines)
    except FileNotFoundError as error:
        raise FadError(f"{path}: there is no such matrix: run the step that makes it") from error
    except (OSError, ValueError) as error:
        raise FadError(f"{path}: cannot be read ({error}): delete it and run again") from error
    matrix = Matrix(tuple(line[0] for line in lines), tuple(head[1:]), values)
    model, metric = rows[0]["model"], rows[0]["metric"]
    if matrix != distance_matrix(rows, model, metric, matrix.references):
        raise FadError(f"{path} does not hold the distances of {model} by {metric}: delete it and run again")
    return matrix
