"""Every table's columns, types and units, declared once: for the writer, the reader, tests and docs."""

from __future__ import annotations

from fad_core.tables.schemas.base import Column, Schema, describe
from fad_core.tables.schemas.papers import CORRELATIONS, PUBLISHED, REPEATS
from fad_core.tables.schemas.pipeline import (
    COMPARISONS,
    DATASETS,
    DISTANCES,
    EMBEDDINGS,
    FILES,
    MANIFEST,
    STATISTICS,
    SUMMARY,
    VERIFICATION,
)

__all__ = [
    "COMPARISONS",
    "CORRELATIONS",
    "DATASETS",
    "DISTANCES",
    "EMBEDDINGS",
    "FILES",
    "MANIFEST",
    "PUBLISHED",
    "REPEATS",
    "SCHEMAS",
    "STATISTICS",
    "SUMMARY",
    "VERIFICATION",
    "Column",
    "Schema",
    "describe",
    "document",
]

SCHEMAS = (
    MANIFEST,
    EMBEDDINGS,
    STATISTICS,
    VERIFICATION,
    SUMMARY,
    DISTANCES,
    COMPARISONS,
    FILES,
    DATASETS,
    REPEATS,
    PUBLISHED,
    CORRELATIONS,
)


def document() -> str:
    """All schemas as one Markdown page, the text of docs/tables.md."""
    head = (
        "# Tables\n\n"
        "Every table the pipeline writes, column by column. This page is made from\n"
        "`fad_core/tables/schemas`.\n\n"
        "Parquet files carry the table's name in their metadata (`fad_core.schema`). CSV files are\n"
        "UTF-8 with `\\n` line ends; a missing number is an empty field; numbers have as many digits as\n"
        "they need to be read back to the same bits.\n\n"
        "In CSV files, a text that begins with `=`, `+`, `-`, `@`, a tab or a line end (CR, LF) has an\n"
        "apostrophe before it, so that spreadsheets do not run it as a formula; so has a text that\n"
        "begins with apostrophes and then one of these. Reading a table, fad_core removes it; other\n"
        "programs remove one apostrophe where a text matches the regular expression\n"
        "`^'+[=+\\-@\\t\\r\\n]`. Numbers, negative ones too, and Parquet files are not changed.\n"
    )
    return "\n".join([head, *map(describe, SCHEMAS)])
