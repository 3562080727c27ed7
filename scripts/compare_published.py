"""Compare published distances with those of a study."""

from pathlib import Path

from fad_study.script_main import run


def main(
    figures: list[Path],
    distances: Path,
    parquet: Path,
    csv: Path,
    repeats: Path | None = None,
    tolerance: float = 0.05,
) -> None:
    """Write one row for each published figure, as Parquet and as CSV.

    Args:
        figures: CSV tables with the columns model, reference, evaluation, metric, value, source.
        distances: the table of distances.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
        repeats: the table of groups of draws, if figures name one.
        tolerance: the largest relative difference that agrees.
    """
    from fad_study.steps.papers import compare_published

    compare_published(figures, distances, repeats, tolerance, [parquet, csv])


run(main, globals())
