"""Format numbers, names and notes for people: in figures, in reports and in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def significant(value: float, digits: int) -> str:
    """Round a number to so many significant digits, trailing zeros included; plain "0" for zero.

    Those below a million keep all digits before the point, so 1107 does not become 1.11e+03.

    Examples:
        >>> significant(27.66, 3), significant(1107.4, 3), significant(0.5, 3)
        ('27.7', '1107', '0.500')
    """
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e6 else text.removesuffix(".")


def aligned(values: Sequence[float | None], digits: int) -> list[str]:
    """Return numbers as texts of one width with their decimal points below each other; blanks for None.

    Args:
        values: the numbers.
        digits: significant digits of each.

    Examples:
        >>> aligned([1.5, None, 20.25], 3)
        [' 1.50', '     ', '20.2 ']
    """
    texts = ["" if value is None else significant(value, digits) for value in values]
    parts = [text.partition(".") for text in texts]
    left = max((len(whole) for whole, _, _ in parts), default=0)
    right = max((len(point + rest) for _, point, rest in parts), default=0)
    return [whole.rjust(left) + (point + rest).ljust(right) for whole, point, rest in parts]


def one_line(text: str) -> str:
    """Spell out line ends and other unprintable characters, which file names may have."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def duration(seconds: float) -> str:
    """Return a duration as a person says it: 8.5 s, 12 min 5 s, 3 h 2 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural: "1 file", "12,000 files"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def weights_text(weights: str) -> str:
    """Return the words for a table's `weights` in headings; weights that were never trained are marked."""
    if weights == "seeded":
        return "seeded weights — not a published model"
    return "official weights" if weights == "official" else f"weights from {one_line(weights)}"


def remarks_of(note: str) -> list[str]:
    """Split a row's note into its remarks: "; " divides them, and an empty note has none."""
    return note.split("; ") if note else []


@dataclass(frozen=True)
class Footnotes:
    """The notes of a table's rows, with each remark once.

    Attributes:
        general: remarks that all rows have, if there are several.
        numbered: the others; the first one has number 1.
        marks: for each row, the numbers of its remarks.
    """

    general: tuple[str, ...]
    numbered: tuple[str, ...]
    marks: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, notes: Iterable[str]) -> Footnotes:
        """Split the notes of all rows.

        Args:
            notes: one a row (`remarks_of`).
        """
        rows = [remarks_of(note) for note in notes]
        remarks = list(dict.fromkeys(remark for row in rows for remark in row))
        several = len(rows) > 1
        shared = tuple(remark for remark in remarks if several and all(remark in row for row in rows))
        numbers = {remark: n for n, remark in enumerate((r for r in remarks if r not in shared), start=1)}
        marks = tuple(tuple(numbers[remark] for remark in row if remark in numbers) for row in rows)
        return cls(shared, tuple(numbers), marks)


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> str:
    """Format a table as plain text.

    Args:
        headings: one a column.
        rows: texts, one a column.
        names: how many columns from the left are names, flush left; the others are flush right.
    """
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in (headings, ["─" * width for width in widths], *rows):
        cells = [
            text.ljust(width) if index < names else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
