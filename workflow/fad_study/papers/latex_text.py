"""Text and numbers in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fad_core.util.formatting import one_line
from fad_study.papers.layout import Cell, Number


def latex_text(text: str) -> str:
    """Return plain text with the special characters of LaTeX escaped."""
    # No line ends between a number and its percent sign.
    text = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", one_line(text))
    return "".join(_LATEX.get(character, character) for character in text)


_GREEK = "alpha beta gamma delta lambda mu pi sigma tau Delta"
_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    # After the end of a line or a rule, these would be an option of it.
    **{character: f"{{{character}}}" for character in "[*"},
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
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "‖": r"$\Vert$",
    "\N{NO-BREAK SPACE}": "~",
    "→": r"$\rightarrow$",
    "µ": r"$\mu$",
    **dict(zip("αβγδλμπστΔ", map(r"$\{}$".format, _GREEK.split()), strict=True)),
    "…": r"\ldots{}",
    "—": "---",
    "–": "--",
    "²": r"\textsuperscript{2}",
}


def latex_cell(cell: Cell) -> str:
    """Return a cell of a table."""
    if cell is None:
        return "--"
    if isinstance(cell, str):
        return latex_text(cell)
    return _latex_number(cell)


def _latex_number(number: Number) -> str:
    value = _latex_power(number.text)
    text = f"\\mathbf{{{value}}}" if number.best else value
    if number.letters:
        text += rf"^{{\mathrm{{{number.letters}}}}}"
    ends = f"[{', '.join(map(_latex_power, number.end_texts))}]" if number.ends is not None else ""
    if ends and number.stacked:
        lines = rf"${text}{latex_marks(number.marks)}$\\{{\scriptsize ${ends}$}}"
        return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{lines}\end{{tabular}}"
    if ends:
        text += rf"\ {ends}"
    if number.spread_texts:
        one, other = map(_latex_power, number.spread_texts)
        text += f" \\pm {one}" if one == other else f"^{{+{other}}}_{{-{one}}}"
    return f"${text}{latex_marks(number.marks)}$"


def latex_marks(marks: Sequence[str]) -> str:
    """Return marks as superscripts in math mode; the empty group permits a superscript before them."""
    raised = ",".join("".join(_LATEX_MARKS[character] for character in mark) for mark in marks)
    return f"{{}}^{{{raised}}}" if raised else ""


_LATEX_MARKS = {"†": r"\dagger", "‡": r"\ddagger", "§": r"\S", "¶": r"\P", "‖": r"\|"}


def _latex_power(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa} \\times 10^{{{int(exponent)}}}" if exponent else mantissa
