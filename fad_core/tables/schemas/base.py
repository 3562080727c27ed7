"""What a schema is: a table's columns with their types and units.

Standard library only. A text column is never empty in the sense of "unknown" (that is ""), so only
numbers can be nullable, and an empty CSV field always means one thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["string", "int32", "int64", "float64", "list<float32>", "list<float64>", "list<int64>"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its heading.
        type: of its values; numbers may be missing if `nullable`.
        unit: of its values; empty for text and for plain numbers.
        description: one sentence.
        nullable: whether a value may be missing.
        choices: all values the text may have; empty for any.
    """

    name: str
    type: ColumnType
    unit: str
    description: str
    nullable: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """A kind of table: its name, what one row is, and its columns in order."""

    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)


def describe(schema: Schema) -> str:
    """The schema as a section of Markdown: a heading, a sentence and a table of its columns."""
    lines = [f"## {schema.name}", "", schema.description, "", "| column | type | unit | meaning |"]
    lines.append("|---|---|---|---|")
    for column in schema.columns:
        kind = f"`{column.type}`" + (", may be empty" if column.nullable else "")
        choices = (
            f" One of: {', '.join(choice or 'empty' for choice in column.choices)}." if column.choices else ""
        )
        lines.append(f"| {column.name} | {kind} | {column.unit} | {column.description}{choices} |")
    return "\n".join(lines) + "\n"
