"""Collect tables of all models in one."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run


def main(schema: Literal["file_values", "near_copies"], parts: list[Path], tables: list[Path]) -> None:
    """Write one table of the rows of several.

    Args:
        schema: kind of the tables.
        parts: tables to read, one for each model.
        tables: the tables to write, .parquet and .csv.
    """
    from fad_study.steps.distances import collect_tables

    from fad_core.tables import FILE_VALUES, NEAR_COPIES

    collect_tables({each.name: each for each in (FILE_VALUES, NEAR_COPIES)}[schema], parts, tables)


run(main, globals())
