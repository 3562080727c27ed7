"""Compute distances between pairs of data sets, and differences of those from one reference."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run

from fad_core.util.instructions import Isa


def main(
    statistics: list[Path],
    model: str,
    pairs: list[str],
    metrics: list[str],
    distances: Path,
    differences: Path,
    extrapolation: Path | None = None,
    file_values: Path | None = None,
    near_copies: Path | None = None,
    ranked: list[str] | None = None,
    embeddings: list[Path] | None = None,
    threads: int = 1,  # noqa: ARG001 - read by fad_study.script_main.run
    isa: Isa = "native",  # noqa: ARG001 - read by run
    mixed_numerics: Literal["refuse", "allow"] = "refuse",
) -> None:
    """Compute every metric for every pair of data sets of one model.

    Args:
        statistics: tables of statistics by the model, one for each data set.
        model: name of the model in the study.
        pairs: pairs of data sets, reference:evaluation.
        metrics: names of the metrics, each with its options (kad bandwidth=evaluation).
        distances: the table of distances to write.
        differences: the table of differences of systems to write.
        extrapolation: the table of distances of parts of data sets to write, for metrics that extrapolate
            from these.
        file_values: the table of values of single files to write, for metrics that have such values.
        near_copies: the table of near copies to write; without it, they are not looked for.
        ranked: references whose systems are compared with each other.
        embeddings: tables of the embeddings of all batches by the model; metrics of vectors and near copies
            need them.
        threads: number of numeric threads.
        isa: instruction set that numeric libraries use: native (all that the processor has) or avx2.
        mixed_numerics: whether embeddings of machines that compute differently are refused or allowed.
    """
    from fad_study.steps.distances import compute_distances

    compute_distances(
        statistics,
        model,
        [(first, second) for first, second in (pair.split(":") for pair in pairs)],
        metrics,
        distances,
        embeddings or [],
        differences=differences,
        extrapolation=extrapolation,
        file_values=file_values,
        near_copies=near_copies,
        ranked=ranked or [],
        mixed=mixed_numerics == "allow",
    )


run(main, globals())
