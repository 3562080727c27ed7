"""Tables for a paper, in the form from which they are written in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fad_core.util.formatting import significant

_DIGITS = 4


@dataclass(frozen=True)
class Number:
    """A number in a table.

    Attributes:
        value: the number.
        below: distance from the lower end of its interval; None if it has no interval.
        above: distance to the upper end of its interval; None if it has no interval.
        ends: ends of an interval that need not hold the number, instead of `below` and `above`.
        stacked: whether there is room for `ends` below the number alone.
        best: whether it is one of the best of its column.
        digits: number of significant digits.
        decimals: number of digits after the point, instead of `digits`; None: as `digits` gives.
        letters: numbers that share a letter cannot be told apart; "" if that was not tested.
        marks: marks of the table's notes on it, as superscripts.
    """

    value: float
    below: float | None = None
    above: float | None = None
    ends: tuple[float, float] | None = None
    stacked: bool = False
    best: bool = False
    digits: int = _DIGITS
    decimals: int | None = None
    letters: str = ""
    marks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The number as it is displayed."""
        if self.decimals is not None:
            # Adding 0.0 turns -0.0 into 0.0.
            return f"{round(self.value, self.decimals) + 0.0:.{self.decimals}f}"
        return significant(self.value, self.digits)

    @property
    def end_texts(self) -> list[str]:
        """The ends of the interval, rounded as the number is."""
        return [replace(self, value=end).text for end in self.ends or ()]

    @property
    def spread_texts(self) -> Sequence[str]:
        """The distances to the interval's ends, with the decimals of the number; empty without one."""
        if self.below is None or self.above is None:
            return ()
        decimals = len(self.text.partition(".")[2])
        ends = (self.below, self.above)
        tiny = self.decimals is None and any(0 < end < 0.5 * 10**-decimals for end in ends)
        if "e" in self.text or tiny:
            return [significant(end, 2) for end in ends]
        return [f"{end:.{decimals}f}" for end in ends]


Cell = str | Number | None


def with_interval(row: Mapping[str, Any], decimals: int | None = None) -> Number:
    """Return the value of a row, with its interval if it has one.

    Args:
        row: of a table with the columns value, ci_low and ci_high.
        decimals: number of digits after the point; None: four significant digits.
    """
    number = Number(row["value"], decimals=decimals)
    if row["ci_low"] is None:
        return number
    return replace(number, below=row["value"] - row["ci_low"], above=row["ci_high"] - row["value"])


@dataclass(frozen=True)
class PaperTable:
    """A table for a paper.

    Attributes:
        caption: plain text.
        label: label of the LaTeX table.
        heading: heading of each column.
        groups: rows in groups, which are separated by lines.
        names: number of columns of names at the left, which are left-aligned.
        over: for each column the text above its heading, shared by neighbours; empty if there is none.
        notes: each mark with its note; notes on the whole table have the mark "".
    """

    caption: str
    label: str
    heading: tuple[str, ...]
    groups: tuple[tuple[tuple[Cell, ...], ...], ...]
    names: int
    over: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
