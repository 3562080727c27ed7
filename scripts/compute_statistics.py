"""Compute the statistics of a data set's embeddings."""

from pathlib import Path

from fad_study.script_main import run


def main(embeddings: list[Path], dataset: str, model: str, statistics: Path, threads: int = 1) -> None:  # noqa: ARG001 - read by run
    """Compute (n, mean, factor) of all vectors of a data set.

    Args:
        embeddings: tables of embeddings of all its shards.
        dataset: name of the data set.
        model: name of the model in the study.
        statistics: the table to write.
        threads: number of numeric threads.
    """
    from fad_study.steps.statistics import compute_statistics

    compute_statistics(embeddings, dataset, model, statistics)


run(main, globals())
