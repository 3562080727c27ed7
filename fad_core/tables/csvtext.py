"""CSV text whose numbers read back to the same bits and whose fields may hold any text.

Python's own writer leaves a lone carriage return unquoted, which other readers take for a new line;
file names can hold one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def format_csv(rows: Iterable[Sequence[str | int | float | None]]) -> str:
    r"""Rows as CSV text: floats in their shortest exact form, None as an empty field, `\n` line ends."""
    return "".join(",".join(map(_field, row)) + "\n" for row in rows)


def parse_csv(text: str) -> list[list[str]]:
    """The fields of what `format_csv` made.

    Raises:
        ValueError: the text is not CSV, or its last line has no end.
    """
    if not text.endswith("\n"):
        raise ValueError("the last line is cut short")
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _field(value: str | int | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    if any(character in value for character in ',"\n\r'):
        return '"' + value.replace('"', '""') + '"'
    return value
