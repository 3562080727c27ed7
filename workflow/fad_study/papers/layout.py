"""A table or a paragraph as Markdown and as LaTeX (booktabs), to be pasted into a paper."""

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
        below: how far its interval reaches down; None if there is none.
        above: how far it reaches up.
        best: whether it is the best of its column.
        digits: significant digits.
        decimals: instead of these, so many digits after the point; None: as many as `digits` gives.
        marks: of the table's notes on it, raised behind it.
    """

    value: float
    below: float | None = None
    above: float | None = None
    best: bool = False
    digits: int = _DIGITS
    decimals: int | None = None
    marks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The number as it is shown."""
        if self.decimals is not None:
            # Not "-0.00".
            return f"{round(self.value, self.decimals) + 0.0:.{self.decimals}f}"
        return significant(self.value, self.digits)


Cell = str | Number | None


def with_interval(row: Mapping[str, Any], decimals: int | None = None) -> Number:
    """The value of a row, with its interval if it has one."""
    number = Number(row["value"], decimals=decimals)
    if row["ci_low"] is None:
        return number
    return replace(number, below=row["value"] - row["ci_low"], above=row["ci_high"] - row["value"])


@dataclass(frozen=True)
class PaperTable:
    """A table for a paper.

    Attributes:
        caption: plain text.
        label: of the LaTeX table.
        heading: one a column.
        groups: rows in groups, with a line between these.
        names: how many columns from the left are names, flush left.
        over: for each column, what stands above its heading, shared by neighbours; empty if nothing does.
        notes: marks of numbers, and what each says.
    """

    caption: str
    label: str
    heading: tuple[str, ...]
    groups: tuple[tuple[tuple[Cell, ...], ...], ...]
    names: int
    over: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def markdown_table(table: PaperTable) -> str:
    """The table in Markdown, its caption and notes below it."""
    alignment = ["---" if index < table.names else "---:" for index in range(len(table.heading))]
    rows = [[_markdown_cell(cell) for cell in row] for group in table.groups for row in group]
    over = table.over or ("",) * len(table.heading)
    heading = [", ".join(filter(None, texts)) for texts in zip(over, table.heading, strict=True)]
    lines = [[markdown_text(text) for text in heading], alignment, *rows]
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    notes = "".join(f"\n{mark} {markdown_text(note)}.\n" for mark, note in table.notes)
    return f"{body}\n{markdown_text(table.caption)}\n{notes}"


def latex_table(table: PaperTable) -> str:
    r"""The table in LaTeX, its notes in the caption, for `\input`; needs the package booktabs."""
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
        # Intervals stand above and below the line.
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
    """The line above the heading, each text over its columns, and the rules below these."""
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
    """Plain text, with what Markdown would take for its own marks escaped."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", one_line(text))


def latex_text(text: str) -> str:
    """Plain text, with what LaTeX would take for its own marks escaped."""
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
    if spread:
        one, other = map(_latex_power, spread)
        text += f" \\pm {one}" if one == other else f"^{{+{other}}}_{{-{one}}}"
    return f"${text}{_latex_marks(cell.marks)}$"


def _latex_marks(marks: Sequence[str]) -> str:
    """Raised marks, in mathematics; what stands before them may be raised too."""
    raised = ",".join("".join(_LATEX_MARKS[character] for character in mark) for mark in marks)
    return f"{{}}^{{{raised}}}" if raised else ""


_LATEX_MARKS = {"†": r"\dagger", "‡": r"\ddagger", "§": r"\S", "¶": r"\P", "‖": r"\|"}


def _latex_power(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa} \\times 10^{{{int(exponent)}}}" if exponent else mantissa


def _number_texts(number: Number) -> tuple[str, Sequence[str]]:
    """The number, and how far its interval reaches down and up, with as many decimals."""
    text = number.text
    if number.below is None or number.above is None:
        return text, ()
    decimals = len(text.partition(".")[2])
    ends = (number.below, number.above)
    tiny = number.decimals is None and any(0 < end < 0.5 * 10**-decimals for end in ends)
    if "e" in text or tiny:
        return text, [significant(end, 2) for end in ends]
    return text, [f"{end:.{decimals}f}" for end in ends]
