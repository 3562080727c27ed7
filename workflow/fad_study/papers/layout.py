"""Tables and text in Markdown and in LaTeX (booktabs), to be pasted into a paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from fad_core.util.formatting import one_line, significant

_DIGITS = 4


@dataclass(frozen=True)
class Number:
    """A number in a table.

    Attributes:
        value: the number.
        below: distance from the lower end of its interval; None if it has no interval.
        above: distance to the upper end of its interval; None if it has no interval.
        ends: ends of an interval that need not hold the number, instead of `below` and `above`.
        best: whether it is the best of its column.
        digits: number of significant digits.
        decimals: number of digits after the point, instead of `digits`; None: as `digits` gives.
        marks: marks of the table's notes on it, as superscripts.
    """

    value: float
    below: float | None = None
    above: float | None = None
    ends: tuple[float, float] | None = None
    best: bool = False
    digits: int = _DIGITS
    decimals: int | None = None
    marks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The number as it is displayed."""
        if self.decimals is not None:
            # Adding 0.0 turns -0.0 into 0.0.
            return f"{round(self.value, self.decimals) + 0.0:.{self.decimals}f}"
        return significant(self.value, self.digits)


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
        notes: each mark with its note.
    """

    caption: str
    label: str
    heading: tuple[str, ...]
    groups: tuple[tuple[tuple[Cell, ...], ...], ...]
    names: int
    over: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def markdown_table(table: PaperTable) -> str:
    """Return a table in Markdown, with its caption and notes below it."""
    alignment = ["---" if index < table.names else "---:" for index in range(len(table.heading))]
    rows = [[_markdown_cell(cell) for cell in row] for group in table.groups for row in group]
    over = table.over or ("",) * len(table.heading)
    heading = [", ".join(filter(None, texts)) for texts in zip(over, table.heading, strict=True)]
    lines = [[markdown_text(text) for text in heading], alignment, *rows]
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    notes = "".join(f"\n{mark} {markdown_text(note)}.\n" for mark, note in table.notes)
    return f"{body}\n{markdown_text(table.caption)}\n{notes}"


def latex_table(table: PaperTable) -> str:
    r"""Return a table in LaTeX for `\input`, with its notes in the caption; it needs the package booktabs."""
    columns = "l" * table.names + "r" * (len(table.heading) - table.names)
    groups = [
        "".join(" & ".join(_latex_cell(cell) for cell in row) + " \\\\\n" for row in group)
        for group in table.groups
    ]
    heading = " & ".join(map(latex_text, table.heading))
    notes = [f"${_latex_marks([mark])}$ {latex_text(note)}." for mark, note in table.notes]
    lines = [
        r"% Needs \usepackage{booktabs}.",
        r"\begin{table}",
        r"\centering",
        # Asymmetric intervals need more room between the lines.
        *([r"\renewcommand{\arraystretch}{1.25}"] if "}_{-" in "".join(groups) else []),
        rf"\caption{{{' '.join([latex_text(table.caption), *notes])}}}",
        rf"\label{{{table.label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *_latex_over(table.over),
        rf"{heading} \\",
        r"\midrule",
        "\\midrule\n".join(groups) + r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_over(over: Sequence[str]) -> list[str]:
    """Return the line above the heading, with each text over its columns, and the rules below these."""
    if not over:
        return []
    cells, rules, column = [], [], 1
    for text, columns in groupby(over):
        width = len(list(columns))
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex_text(text)}}}" if text else "&" * (width - 1))
        rules += [rf"\cmidrule(lr){{{column}-{column + width - 1}}}"] if text else []
        column += width
    return [" & ".join(cells) + r" \\", " ".join(rules)]


def markdown_text(text: str) -> str:
    """Return plain text with the special characters of Markdown escaped."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", one_line(text))


def latex_text(text: str) -> str:
    """Return plain text with the special characters of LaTeX escaped."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "±": r"$\pm$",
    "−": "$-$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "…": r"\ldots{}",
    "—": "---",
    "–": "--",
    "²": r"\textsuperscript{2}",
}


def _markdown_cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return markdown_text(cell)
    value, spread = _number_texts(cell)
    text = f"**{value}**" if cell.best else value
    if cell.ends is not None:
        text += f" [{', '.join(_end_texts(cell))}]"
    if spread:
        one, other = spread
        text += f" ± {one}" if one == other else f" (+{other} -{one})"
    return text.replace("-", "−") + ",".join(cell.marks)


def _latex_cell(cell: Cell) -> str:
    if cell is None:
        return "--"
    if isinstance(cell, str):
        return latex_text(cell)
    value, spread = _number_texts(cell)
    value = _latex_power(value)
    text = f"\\mathbf{{{value}}}" if cell.best else value
    if cell.ends is not None:
        ends = ", ".join(map(_latex_power, _end_texts(cell)))
        text += rf"\ [{ends}]"
    if spread:
        one, other = map(_latex_power, spread)
        text += f" \\pm {one}" if one == other else f"^{{+{other}}}_{{-{one}}}"
    return f"${text}{_latex_marks(cell.marks)}$"


def _latex_marks(marks: Sequence[str]) -> str:
    """Return marks as superscripts in math mode; the empty group permits a superscript before them."""
    raised = ",".join("".join(_LATEX_MARKS[character] for character in mark) for mark in marks)
    return f"{{}}^{{{raised}}}" if raised else ""


_LATEX_MARKS = {"†": r"\dagger", "‡": r"\ddagger", "§": r"\S", "¶": r"\P", "‖": r"\|"}


def _latex_power(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa} \\times 10^{{{int(exponent)}}}" if exponent else mantissa


def _end_texts(number: Number) -> list[str]:
    """Return the ends of an interval, rounded as the number is."""
    return [replace(number, value=end).text for end in number.ends or ()]


def _number_texts(number: Number) -> tuple[str, Sequence[str]]:
    """Return the text of a number, and of the distances to its interval's ends, with the same decimals."""
    text = number.text
    if number.below is None or number.above is None:
        return text, ()
    decimals = len(text.partition(".")[2])
    ends = (number.below, number.above)
    tiny = number.decimals is None and any(0 < end < 0.5 * 10**-decimals for end in ends)
    if "e" in text or tiny:
        return text, [significant(end, 2) for end in ends]
    return text, [f"{end:.{decimals}f}" for end in ends]
