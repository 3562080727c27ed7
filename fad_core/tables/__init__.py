"""Tables: their schemas and files. pyarrow is imported only when a Parquet file is read or written."""

from __future__ import annotations

from fad_core.tables.caption_schemas import CLAP_SCORE
from fad_core.tables.files import read_table, write_table
from fad_core.tables.per_file_schemas import FILE_VALUES, NEAR_COPIES, PER_FILE
from fad_core.tables.schemas import DISTANCES, EMBEDDINGS, STATISTICS, VERIFICATION

__all__ = [
    "CLAP_SCORE",
    "DISTANCES",
    "EMBEDDINGS",
    "FILE_VALUES",
    "NEAR_COPIES",
    "PER_FILE",
    "STATISTICS",
    "VERIFICATION",
    "read_table",
    "write_table",
]
