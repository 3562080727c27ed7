"""Tables and text in Markdown."""

from __future__ import annotations

import re

from fad_core.util.formatting import one_line
from fad_study.papers.layout import Cell, PaperTable


def markdown_table(table: PaperTable) -> str:
    """Return a table in Markdown, with its caption and notes below it."""
    alignment = ["---" if index < table.names else "---:" for index in range(len(table.heading))]
    rows = [[markdown_cell(cell) for cell in row] for group in table.groups for row in group]
    over = table.over or ("",) * len(table.heading)
    heading = [", ".join(filter(None, texts)) for texts in zip(over, table.heading, strict=True)]
    lines = [[markdown_text(text) for text in heading], alignment, *rows]
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    caption = " ".join([table.caption, *(note for mark, note in table.notes if not mark)])
    notes = "".join(f"\n{mark} {markdown_text(note)}.\n" for mark, note in table.notes if mark)
    return f"{body}\n{markdown_text(caption)}\n{notes}"


def markdown_text(text: str) -> str:
    """Return plain text with the special characters of Markdown escaped."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", one_line(text))


def markdown_cell(cell: Cell) -> str:
    """Return a cell of a table."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return markdown_text(cell)
    text = f"**{cell.text}**" if cell.best else cell.text
    if cell.letters:
        text += f" {cell.letters}"
    if cell.ends is not None:
        text += f" [{', '.join(cell.end_texts)}]"
    if cell.spread_texts:
        one, other = cell.spread_texts
        text += f" ± {one}" if one == other else f" (+{other} -{one})"
    return text.replace("-", "−") + ",".join(cell.marks)
