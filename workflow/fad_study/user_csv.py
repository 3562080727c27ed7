"""Read CSV tables of the user's; messages name the file and the line of an error."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fad_core.errors import FadError
from fad_core.tables.csvtext import plain_text


@dataclass(frozen=True)
class UserRow:
    """One row of a user's table.

    Attributes:
        path: path of the table.
        line: number of its line in the file; 1 is the heading.
        texts: values of the requested text columns.
        numbers: values of the requested number columns, all finite.
    """

    path: Path
    line: int
    texts: dict[str, str]
    numbers: dict[str, float]

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.path}, line {self.line}"


def read_user_csv(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> list[UserRow]:
    """Read the named columns of a table; further columns are ignored.

    Args:
        path: path of a CSV file in UTF-8 with a heading.
        texts: names of columns of text, which must not be empty.
        numbers: names of columns of finite numbers.

    Raises:
        FadError: the file cannot be read, lacks a column or has no rows, or a row is malformed.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            heading = next(reader, [])
            _require_columns(path, heading, [*texts, *numbers])
            rows = [
                _row(path, reader.line_num, heading, fields, texts, numbers) for fields in reader if fields
            ]
    except OSError as error:
        raise FadError(f"{path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise FadError(f"{path}: not a CSV table in UTF-8: {error}") from error
    if not rows:
        raise FadError(f"{path}: the table has no rows")
    return rows


def require_unique(rows: Iterable[UserRow], columns: Sequence[str]) -> None:
    """Raise an error if two rows have the same texts in the given columns.

    Raises:
        FadError: the message names both lines.
    """
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = tuple(row.texts[name] for name in columns)
        first = seen.setdefault(key, row.line)
        if first != row.line:
            raise FadError(f"{row.place}: {label(columns, key)} is in line {first} already: remove one")


def label(columns: Sequence[str], values: Sequence[str]) -> str:
    """Return the names and values of columns as text: "system 'a', category 'b'"."""
    return ", ".join(f"{name} {value!r}" for name, value in zip(columns, values, strict=True))


def _require_columns(path: Path, heading: Sequence[str], wanted: Collection[str]) -> None:
    if not heading:
        raise FadError(f"{path}: the table is empty; its columns must be {', '.join(wanted)}")
    missing = [name for name in wanted if name not in heading]
    if missing:
        raise FadError(f"{path}, line 1: no column {', '.join(missing)}; columns: {', '.join(heading)}")
    twice = sorted({name for name in wanted if heading.count(name) > 1})
    if twice:
        raise FadError(f"{path}, line 1: the column {', '.join(twice)} appears twice")


def _row(
    path: Path,
    line: int,
    heading: Sequence[str],
    fields: Sequence[str],
    texts: Sequence[str],
    numbers: Sequence[str],
) -> UserRow:
    if len(fields) != len(heading):
        raise FadError(f"{path}, line {line}: {len(fields)} fields, but the heading has {len(heading)}")
    # Some of these tables were written by this package, which marks formulas.
    values = dict(zip(heading, map(plain_text, fields), strict=True))
    for name in texts:
        if not values[name].strip():
            raise FadError(f"{path}, line {line}: {name} is empty")
    return UserRow(
        path,
        line,
        {name: values[name].strip() for name in texts},
        {name: _number(f"{path}, line {line}: {name}", values[name]) for name in numbers},
    )


def _number(what: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FadError(f"{what} is {text!r}, not a finite number")
    return number
