"""The text of docs/tables.md."""

from __future__ import annotations

from fad_core.tables.caption_schemas import CLAP_SCORE
from fad_core.tables.per_file_schemas import FILE_VALUES, NEAR_COPIES, PER_FILE
from fad_core.tables.schemas import DISTANCES, EMBEDDINGS, STATISTICS, VERIFICATION, Schema
from fad_study.schemas.categories import CATEGORIES
from fad_study.schemas.curves import CURVES, MONOTONICITY
from fad_study.schemas.files import DATASETS, DECISIONS, FILES, MANIFEST
from fad_study.schemas.papers import CORRELATIONS, PUBLISHED, REPEATS
from fad_study.schemas.ranking import AGREEMENT, DIFFERENCES, EXTRAPOLATION, MAP, RANKING
from fad_study.schemas.reference import SUMMARY

SCHEMAS = (
    MANIFEST,
    DECISIONS,
    EMBEDDINGS,
    STATISTICS,
    VERIFICATION,
    SUMMARY,
    DISTANCES,
    PER_FILE,
    FILE_VALUES,
    NEAR_COPIES,
    CLAP_SCORE,
    MAP,
    RANKING,
    DIFFERENCES,
    AGREEMENT,
    CATEGORIES,
    EXTRAPOLATION,
    CURVES,
    MONOTONICITY,
    FILES,
    DATASETS,
    REPEATS,
    PUBLISHED,
    CORRELATIONS,
)


def document() -> str:
    """Return all schemas as one Markdown page."""
    head = (
        "# Tables\n\n"
        "Every table that the pipeline writes, column by column. This page is generated from\n"
        "`fad_core/tables` and `workflow/fad_study/schemas`. [recipes.md](recipes.md) has\n"
        "examples with pandas and DuckDB.\n\n"
        "Parquet files carry the table's name in their metadata (`fad_core.schema`). CSV files are\n"
        "UTF-8 with `\\n` line ends; a missing number is an empty field; numbers have as many digits as\n"
        "are needed to read back the same bits.\n\n"
        "In CSV files, a text that begins with `=`, `+`, `-`, `@`, a tab or a line end (CR, LF) gets an\n"
        "apostrophe before it, so that spreadsheets do not run it as a formula; so does a text that\n"
        "begins with apostrophes followed by one of these. fad_core removes the apostrophe when it reads\n"
        "a table; other programs should remove one apostrophe from each text that matches the regular\n"
        "expression `^'+[=+\\-@\\t\\r\\n]`. Numbers, also negative ones, and Parquet files are unchanged.\n"
    )
    return "\n".join([head, *map(describe, SCHEMAS)])


def describe(schema: Schema) -> str:
    """Return a schema as a section of Markdown: a heading, a sentence and a table of its columns."""
    lines = [f"## {schema.name}", "", schema.description, "", "| column | type | unit | meaning |"]
    lines.append("|---|---|---|---|")
    for column in schema.columns:
        kind = f"`{column.type}`" + (", may be empty" if column.nullable else "")
        choices = (
            f" One of: {', '.join(choice or 'empty' for choice in column.choices)}." if column.choices else ""
        )
        lines.append(f"| {column.name} | {kind} | {column.unit} | {column.description}{choices} |")
    return "\n".join(lines) + "\n"
