"""Correlate distances with listeners' ratings, over systems and categories of sound."""

from pathlib import Path

from fad_study.script_main import run


def main(
    distances: Path,
    ratings: Path,
    parquet: Path,
    csv: Path,
    published: Path | None = None,
    tolerance: float = 0.005,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = 0.95,
    threads: int = 1,  # noqa: ARG001 - read by fad_study.script_main.run
) -> None:
    """Write the table of correlations, as Parquet and as CSV.

    Args:
        distances: CSV table with the columns embedding, system, category, fad; or a study's
            categories.parquet.
        ratings: CSV table with the columns criterion, system, category, mos.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
        published: CSV table with the columns embedding, criterion, category, statistic, value, source.
        tolerance: the largest difference from a published correlation that agrees.
        seed: seed of the bootstrap resamples.
        resamples: number of bootstrap resamples.
        confidence: confidence level of the intervals.
        threads: number of numeric threads.
    """
    from fad_study.correlations import Options
    from fad_study.steps.papers import correlate

    correlate(distances, ratings, published, tolerance, Options(seed, resamples, confidence), [parquet, csv])


run(main, globals())
