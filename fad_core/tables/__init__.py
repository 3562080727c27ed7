"""The tables of a study: their schemas and their files. Nothing here needs pyarrow until it is asked for."""

from __future__ import annotations

from fad_core.tables.files import read_table, write_table
from fad_core.tables.schemas import (
    CORRELATIONS,
    DATASETS,
    DISTANCES,
    EMBEDDINGS,
    FILES,
    MANIFEST,
    PUBLISHED,
    REPEATS,
    SCHEMAS,
    STATISTICS,
    VERIFICATION,
    Column,
    Schema,
    describe,
    document,
)

__all__ = [
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
    "VERIFICATION",
    "Column",
    "Schema",
    "describe",
    "document",
    "read_table",
    "write_table",
]
