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
        distances: CSV with the columns embedding, system, category, fad.
        ratings: CSV with the columns criterion, system, category, mos.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
        published: CSV with the columns embedding, criterion, category, statistic, value, source.
        tolerance: the largest difference from a published figure that agrees.
        seed: of the resamples.
        resamples: how many an interval is made of.
        confidence: the share of them within an interval.
        threads: numeric threads.
    """
    from fad_study.correlations import Options
    from fad_study.steps.papers import correlate

    correlate(distances, ratings, published, tolerance, Options(seed, resamples, confidence), [parquet, csv])


run(main, globals())
