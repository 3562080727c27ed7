"""Compute the statistics of all data sets' embeddings by a model."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run

from fad_core.util.instructions import Isa


def main(
    embeddings: list[Path],
    datasets: list[str],
    model: str,
    statistics: list[Path],
    threads: int = 1,  # noqa: ARG001 - read by run
    isa: Isa = "native",  # noqa: ARG001 - read by run
    mixed_numerics: Literal["refuse", "allow"] = "refuse",
) -> None:
    """Compute (n, mean, factor) of all vectors of each data set.

    Args:
        embeddings: tables of the embeddings of all batches by the model.
        datasets: names of the data sets.
        model: name of the model in the study.
        statistics: the table to write for each of the data sets.
        threads: number of numeric threads.
        isa: instruction set that numeric libraries use: native (all that the processor has) or avx2.
        mixed_numerics: whether embeddings of machines that compute differently are refused or allowed.
    """
    from fad_study.steps.statistics import compute_statistics

    tables = dict(zip(datasets, statistics, strict=True))
    compute_statistics(embeddings, model, tables, mixed=mixed_numerics == "allow")


run(main, globals())
