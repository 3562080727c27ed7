"""Compute the distances of systems by category, and their means over the categories."""

from pathlib import Path

from fad_study.script_main import run


def main(distances: Path, places: str, parquet: Path, csv: Path) -> None:
    """Write the table of systems by category, as Parquet and as CSV.

    Args:
        distances: the table of distances.
        places: JSON object with [system, category] of each evaluated data set.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
    """
    import json

    from fad_study.steps.papers import summarise_categories

    chosen = {name: (system, category) for name, (system, category) in json.loads(places).items()}
    summarise_categories(distances, chosen, [parquet, csv])


run(main, globals())
