"""Write and read the tables that `schemas` declares, as Parquet or CSV by the file's suffix.

The same rows give the same bytes (with the same pyarrow), written whole or not at all. A column that
is missing, unknown or of another type never reaches a file. CSV needs the standard library alone, Parquet
pyarrow (`parquet`), which is imported when it is asked for: models are verified and scored without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fad_core.errors import FadError
from fad_core.tables.csvtext import format_csv, parse_csv
from fad_core.tables.schemas import Column, Schema
from fad_core.tables.values import Rows, Values, check_column, check_columns
from fad_core.util.atomic import write_text


def write_table(
    schema: Schema, rows: Rows, path: Path | str, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a table.

    Args:
        schema: what the columns are.
        rows: a sequence of rows, each a mapping from every column's name to its value; or one mapping
            from every column's name to all its values. A list column takes one array a row, or a
            2-D array `[rows, D]`.
        path: ends in .parquet or .csv; its folder is made if need be.
        metadata: further facts to store in a Parquet file.

    Raises:
        ValueError: the rows do not fit the schema, or CSV is asked to hold lists or metadata.
        FadError: a text, such as a file's name, is not valid Unicode.
    """
    path = Path(path)
    values = check_columns(schema, rows)
    if _suffix(path) == ".parquet":
        from fad_core.tables.parquet import write_parquet

        write_parquet(schema, values, path, metadata or {})
    elif metadata or any(column.type.startswith("list") for column in schema.columns):
        raise ValueError(f"{path}: CSV cannot hold lists or metadata: choose .parquet")
    else:
        write_text(path, format_csv([schema.names, *zip(*values, strict=True)]))


def read_table(
    schema: Schema, path: Path | str, only: Mapping[str, Collection[str]] | None = None
) -> list[dict[str, Any]]:
    """Read a table's rows.

    Args:
        schema: what the columns are.
        path: of the table; ends in .parquet or .csv.
        only: by the names of text columns, values: only rows that have one of them are read.

    Returns:
        A dictionary a row: text as str, numbers as int and float, missing ones None, lists as arrays.

    Raises:
        FadError: the file is missing, damaged, or not a table of this schema.
    """
    path = Path(path)
    if _suffix(path) == ".parquet":
        from fad_core.tables.parquet import read_parquet

        columns = read_parquet(schema, path, only or {})
    else:
        columns = _read_csv(schema, path)
    rows = (dict(zip(schema.names, row, strict=True)) for row in zip(*columns, strict=True))
    return [row for row in rows if all(row[name] in values for name, values in (only or {}).items())]


@contextmanager
def readable_file(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading `path` into a FadError that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise FadError(f"{path}: there is no such table: run the step that makes it") from error
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise FadError(f"{path}: cannot be read: {error.strerror or error}") from error
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> FadError:
    """What to raise for a file that is there and is not whole."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return FadError(f"{path}: damaged or cut short ({reason}): delete it and run again")


def _suffix(path: Path) -> str:
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"{path}: the name of a table must end in .parquet or .csv")
    return path.suffix


def _read_csv(schema: Schema, path: Path) -> list[Values]:
    with readable_file(path):
        content = path.read_bytes()
    try:
        header, *rows = parse_csv(content.decode("utf-8"))
        if tuple(header) != schema.names:
            raise ValueError(f"the columns are {', '.join(header)}, not those of {schema.name}")
        fields = zip(*rows, strict=True) if rows else [()] * len(header)
        return [
            check_column(schema, column, [_parsed(column, text) for text in texts])
            for column, texts in zip(schema.columns, fields, strict=True)
        ]
    except ValueError as error:
        raise FadError(f"{path}: incomplete or damaged table ({error}): delete it and run again") from error


def _parsed(column: Column, text: str) -> str | int | float | None:
    if column.type == "string":
        return text
    if not text and column.nullable:
        return None
    return float(text) if column.type == "float64" else int(text)
