"""Summarise the live verification of all models in one table."""

from pathlib import Path

from fad_study.script_main import run


def main(tables: list[Path], distances: list[Path], summaries: list[Path]) -> None:
    """Write one row for each model: the largest differences, and the FAD by both packages.

    Args:
        tables: tables of verification, one for each model.
        distances: JSON files of distances, in the same order.
        summaries: the files to write: .csv, .parquet or .md.
    """
    from fad_study.steps.reference import summarise_verification

    summarise_verification(tables, distances, summaries)
    for summary in summaries:
        if summary.suffix == ".md":
            print(summary.read_text(encoding="utf-8"))


run(main, globals())
