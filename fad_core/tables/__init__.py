"""The tables of a study: their schemas and their files. Nothing here needs pyarrow until it is asked for."""

from __future__ import annotations

from fad_core.tables.files import read_table, write_table
from fad_core.tables.schemas import (
    DATASETS,
    DISTANCES,
    EMBEDDINGS,
    FILES,
    MANIFEST,
    SCHEMAS,
    STATISTICS,
    VERIFICATION,
    Column,
    Schema,
    describe,
    document,
)

__all__ = [
    "DATASETS",
    "DISTANCES",
    "EMBEDDINGS",
    "FILES",
    "MANIFEST",
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
