"""CSV text whose numbers read back to the same bits and whose fields may hold any text.

Python's own writer leaves a lone carriage return unquoted, which other readers take for a new line;
file names can hold one.

A text that a spreadsheet would run as a formula is written with an apostrophe before it, which is what OWASP
advises. The rule can be undone: a text gets one more apostrophe if it is any number of them, none included,
and then one of the characters that start a formula; the reader takes one from a text that has at least one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# A formula begins with one of these, or spreadsheets skip them before one.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def format_csv(rows: Iterable[Sequence[str | int | float | None]]) -> str:
    r"""Return rows as CSV text: floats in their shortest exact form, None as an empty field, `\n` line ends.

    Texts that spreadsheets would run as formulas get an apostrophe; numbers never do.

    Examples:
        >>> format_csv([("file", "value"), ("=a.wav", -0.5)])
        "file,value\n'=a.wav,-0.5\n"
    """
    return "".join(",".join(map(_field, row)) + "\n" for row in rows)


def parse_csv(text: str) -> list[list[str]]:
    """Return the fields of what `format_csv` made.

    Raises:
        ValueError: the text is not CSV, or its last line has no end.
    """
    if not text.endswith("\n"):
        raise ValueError("the last line is cut short")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return [[plain_text(field) for field in row] for row in rows]


def plain_text(field: str) -> str:
    """Return the text of a field, without the apostrophe that keeps spreadsheets from running it."""
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field


def _field(value: str | int | float | None) -> str:
    if not isinstance(value, str):
        return "" if value is None else repr(value)
    if _FORMULA.match(value):
        value = f"'{value}"
    quoted = any(character in value for character in ',"\n\r')
    return '"' + value.replace('"', '""') + '"' if quoted else value
