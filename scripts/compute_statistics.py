"""Compute the statistics of all data sets' embeddings by a model."""

from pathlib import Path

from fad_study.script_main import run


def main(
    embeddings: list[Path],
    datasets: list[str],
    model: str,
    statistics: list[Path],
    threads: int = 1,  # noqa: ARG001 - read by run
) -> None:
    """Compute (n, mean, factor) of all vectors of each data set.

    Args:
        embeddings: tables of the embeddings of all batches by the model.
        datasets: names of the data sets.
        model: name of the model in the study.
        statistics: the table to write for each of the data sets.
        threads: number of numeric threads.
    """
    from fad_study.steps.statistics import compute_statistics

    compute_statistics(embeddings, model, dict(zip(datasets, statistics, strict=True)))


run(main, globals())
