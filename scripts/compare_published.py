"""Put published distances beside those of a study."""

from pathlib import Path

from fad_study.script_main import run


def main(
    figures: Path,
    distances: Path,
    parquet: Path,
    csv: Path,
    repeats: Path | None = None,
    tolerance: float = 0.05,
) -> None:
    """Write one row for each published figure, as Parquet and as CSV.

    Args:
        figures: CSV with the columns model, reference, evaluation, metric, value, source.
        distances: the long table of distances.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
        repeats: the table of groups, if figures name one.
        tolerance: the largest difference that agrees, as a share of the published figure.
    """
    from fad_study.steps.papers import compare_published

    compare_published(figures, distances, repeats, tolerance, [parquet, csv])


run(main, globals())
