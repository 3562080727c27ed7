"""Put the distance tables of all models into one."""

from pathlib import Path

from fad_core.command import run


def main(parts: list[Path], parquet: Path, csv: Path) -> None:
    """Write one long table, as Parquet and as CSV.

    Args:
        parts: the models' tables of distances.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
    """
    from fad_core.steps.distances import collect_distances

    collect_distances(parts, [parquet, csv])


run(main, globals())
