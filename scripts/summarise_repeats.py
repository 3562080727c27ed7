"""Compute mean and spread of the distances of data sets that are draws of one experiment."""

from pathlib import Path

from fad_study.script_main import run


def main(distances: Path, repeats: str, parquet: Path, csv: Path) -> None:
    """Write one row for each model, metric, reference and group, as Parquet and as CSV.

    Args:
        distances: the table of distances.
        repeats: JSON object with the names of the data sets of each group.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
    """
    import json

    from fad_study.steps.papers import summarise_repeats

    summarise_repeats(distances, json.loads(repeats), [parquet, csv])


run(main, globals())
