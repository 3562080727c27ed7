r"""Tables and text in LaTeX, for `\input`; tables need the package booktabs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, takewhile
from math import ceil

from fad_study.papers.latex_text import latex_cell, latex_marks, latex_text
from fad_study.papers.layout import Cell, Number, PaperTable
from fad_study.papers.markdown import markdown_cell

_COLUMN_PT = 225.0
"""Width of a column of a two-column page; a table that is wider takes the width of the page."""
_PAGE_PT = 340.0
"""Width of the text of a one-column page; a table that is wider is divided."""
_GAP_PT, _CHARACTER_PT, _WIDE_PT, _NARROW_PT = 7.0, 4.3, 6.3, 2.7
"""Space between columns, and mean widths of characters, of wide and of narrow ones, at \footnotesize."""
_SMALL = 0.94
"""Size of small letters, those of \\scriptsize, beside \footnotesize."""
_LONGEST_PT = 120.0
"""Width of a name above which it is broken into lines."""
_PAGE_LINES = 44
"""Lines of a table that a page has room for, with the caption and the notes."""

Group = tuple[tuple[Cell, ...], ...]
"""Rows that stand together."""


def latex_table(table: PaperTable) -> str:
    r"""Return a table in LaTeX for `\input`, with its notes below it; it needs the package booktabs.

    In a table that is wider than a page, intervals stand below the numbers. If it is still wider, it is
    divided into parts of fewer columns, one below the other. One that is taller is continued in further
    floats of the same number.
    """
    widths = _widths(table)
    if _total(widths, range(len(widths))) > _PAGE_PT:
        stacked = (tuple(tuple(map(_stacked, row)) for row in group) for group in table.groups)
        table = replace(table, groups=tuple(stacked))
        widths = _widths(table)
    parts = [
        (columns, rows)
        for columns in _parts(table, widths)
        for stack in _stacks(table)
        if (rows := _with_values(stack, [column for column in columns if column >= table.names], table.names))
    ]
    widest = max(_total(widths, columns) for columns, _ in parts)
    # In a document of one column, both are the same.
    environment = "table" if widest <= _COLUMN_PT else "table*"
    bodies = [_tabular(table, columns, groups, widths) for columns, groups in parts]
    # Asymmetric intervals need more room between the lines.
    stretch = 1.25 if any("}_{-" in body for body in bodies) else 1.0
    floats: list[list[str]] = []
    left = 0.0
    for body, (_, groups) in zip(bodies, parts, strict=True):
        height = stretch * _lines(groups, table)
        if not floats or height > left:
            floats.append([])
            left = _PAGE_LINES
        floats[-1].append(body)
        left -= height
    text = ["% Needs \\usepackage{booktabs}.\n"]
    for number, each in enumerate(floats):
        lines = [
            rf"\begin{{{environment}}}",
            r"\centering\footnotesize",
            rf"\setlength{{\tabcolsep}}{{{_GAP_PT / 2:g}pt}}\setlength{{\belowcaptionskip}}{{4pt}}",
            *([rf"\renewcommand{{\arraystretch}}{{{stretch}}}"] if stretch > 1 else []),
            *([r"\addtocounter{table}{-1}\caption{Continued.}"] if number else _caption(table)),
            "\n\n\\medskip\n".join(each),
            *(_below(table) if each is floats[-1] else []),
            rf"\end{{{environment}}}",
        ]
        text.append("\n".join(lines) + "\n")
    return "".join(text)


def _stacked(cell: Cell) -> Cell:
    return replace(cell, stacked=cell.ends is not None) if isinstance(cell, Number) else cell


def _caption(table: PaperTable) -> list[str]:
    return [rf"\caption{{{latex_text(table.caption)}}}", rf"\label{{{table.label}}}"]


def _below(table: PaperTable) -> list[str]:
    notes = [
        f"${latex_marks([mark])}$ {latex_text(note)}." if mark else latex_text(note)
        for mark, note in table.notes
    ]
    box = r"\par\smallskip\begin{minipage}{\linewidth}\raggedright "
    return [f"{box}{' '.join(notes)}\\end{{minipage}}"] if notes else []


def _tabular(
    table: PaperTable, columns: Sequence[int], groups: Sequence[Group], widths: Sequence[float]
) -> str:
    leading = _leading(table)
    shown = [index for index in columns if index >= leading]
    heading = " & ".join(latex_text(table.heading[index]) for index in shown)
    alignment = "".join(
        "r" if index >= table.names else "l" if widths[index] < _LONGEST_PT else rf"p{{{_LONGEST_PT:g}pt}}"
        for index in shown
    )
    blocks = []
    for group in groups:
        title = ", ".join(latex_cell(cell) for cell in group[0][:leading])
        above = [rf"\multicolumn{{{len(shown)}}}{{@{{}}l}}{{\itshape {title}}} \\" "\n"] if leading else []
        rows = [" & ".join(latex_cell(row[index]) for index in shown) + " \\\\\n" for row in group]
        # An interval below a number is closer to it than to the next row.
        gap = "\\addlinespace[2pt]\n" if any(map(_has_stacked, group)) else ""
        blocks.append("".join(above) + gap.join(rows))
    lines = [
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        *_latex_over([table.over[index] for index in shown] if table.over else []),
        rf"{heading} \\",
        r"\midrule",
        "\\midrule\n".join(blocks) + r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _stacks(table: PaperTable) -> Iterator[list[Group]]:
    """Yield the groups of rows that have room on a page together; one that is taller is divided."""
    stack: list[Group] = []
    for group in table.groups:
        for first in range(0, len(group), _PAGE_LINES - 3):
            some = group[first : first + _PAGE_LINES - 3]
            if stack and _lines([*stack, some], table) > _PAGE_LINES:
                yield stack
                stack = []
            stack.append(some)
    yield stack


def _with_values(groups: Sequence[Group], columns: Sequence[int], names: int) -> list[Group]:
    """Return the rows that have a value in these columns, or in none: such a row names a column."""
    found = (
        tuple(
            row for row in group if any(row[column] is not None for column in columns) or not any(row[names:])
        )
        for group in groups
    )
    return [group for group in found if group]


def _lines(groups: Sequence[Group], table: PaperTable) -> float:
    """Estimate the number of lines of groups of rows with their heading, and of the space around them."""
    rows = sum(max(map(_lines_of, row)) for group in groups for row in group)
    return 3 + bool(table.over) + rows + len(groups) * (1 if _leading(table) else 0)


def _lines_of(cell: Cell) -> float:
    """Return the number of lines of a cell: of a long name, or of a number with its interval."""
    if isinstance(cell, Number):
        # With the space before the next row.
        return 1 + 1.2 * cell.stacked
    return 1 if cell is None else max(1, ceil(_width(cell) / _LONGEST_PT))


def _has_stacked(row: Sequence[Cell]) -> bool:
    return any(isinstance(cell, Number) and cell.stacked for cell in row)


def _leading(table: PaperTable) -> int:
    """Return the number of columns of names that are the same in a whole group: they are above its rows."""
    if len(table.groups) == 1 or max(map(len, table.groups)) == 1:
        return 0
    constant = (
        all(len({row[index] for row in group}) == 1 for group in table.groups)
        for index in range(table.names - 1)
    )
    return len(list(takewhile(bool, constant)))


def _parts(table: PaperTable, widths: Sequence[float]) -> Iterator[list[int]]:
    """Yield the columns of each part of a table: those of names, and as many others as the page has room for.

    Columns below one text stay together if they have room, and so do columns up to one of counts.
    """
    names = list(range(_leading(table), table.names))
    keys = list(table.over) or [str(table.heading[:index].count("n")) for index in range(len(table.heading))]
    part: list[int] = []
    for _, block in groupby(range(table.names, len(keys)), key=keys.__getitem__):
        columns = list(block)
        fits = _total(widths, [*names, *columns]) <= _PAGE_PT
        for each in [columns] if fits else _with_counts(table, columns):
            if part and _total(widths, [*names, *part, *each]) > _PAGE_PT:
                yield [*names, *part]
                part = []
            part += each
    yield [*names, *part]


def _with_counts(table: PaperTable, columns: Sequence[int]) -> list[list[int]]:
    """Divide columns into single ones, with that of counts beside the last before it."""
    found: list[list[int]] = []
    for index in columns:
        if found and table.heading[index] == "n":
            found[-1].append(index)
        else:
            found.append([index])
    return found


def _widths(table: PaperTable) -> list[float]:
    """Estimate the width of each column."""
    columns = zip(table.heading, *(row for group in table.groups for row in group), strict=True)
    widths = [max(_width(cell) for cell in column) for column in columns]
    limited = [min(width, _LONGEST_PT) for width in widths[: table.names]]
    widths = [*limited, *widths[table.names :]]
    if table.over:
        for text, items in groupby(range(len(widths)), key=lambda index: table.over[index]):
            # What a text above several columns has more than these, the last one gets.
            below = list(items)
            widths[below[-1]] += max(0.0, _width(text) - _total(widths, below)) if text else 0.0
    return widths


def _total(widths: Sequence[float], columns: Sequence[int]) -> float:
    return sum(widths[index] for index in columns) + _GAP_PT * (len(columns) - 1)


def _width(cell: Cell) -> float:
    if isinstance(cell, Number) and cell.stacked:
        interval = f"[{', '.join(cell.end_texts)}]".replace("-", "−")
        return max(_width(replace(cell, ends=None, stacked=False)), _SMALL * _width(interval))
    text = cell if isinstance(cell, str) else markdown_cell(cell).replace("*", "")
    wide = sum(character.isupper() or character in "mw%—±−" for character in text)
    narrow = sum(character in " .,:;[]()ijl" for character in text)
    return wide * _WIDE_PT + narrow * _NARROW_PT + (len(text) - wide - narrow) * _CHARACTER_PT


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
