"""Score each file of the evaluated data sets against the reference."""

from pathlib import Path

from fad_study.script_main import run

from fad_core.util.instructions import Isa


def main(
    statistics: list[Path],
    embeddings: list[Path],
    models: list[str],
    pairs: list[str],
    measures: list[str],
    per_file: list[Path],
    maps: list[Path] | None = None,
    svg: list[Path] | None = None,
    png: list[Path] | None = None,
    labels: str = "{}",
    threads: int = 1,  # noqa: ARG001 - read by fad_study.script_main.run
    isa: Isa = "native",  # noqa: ARG001 - read by run
) -> None:
    """Write a row for each file of the evaluated data sets, the farthest of each set first; draw maps.

    Args:
        statistics: tables of statistics, .../{model}/{data set}.parquet.
        embeddings: tables of embeddings of all batches, .../{model}/{batch}.parquet.
        models: names of the models.
        pairs: pairs of data sets, reference:evaluation.
        measures: which distances of files are computed: nearest, kad, fad.
        per_file: tables to write, .parquet and .csv.
        maps: tables of maps to write, one for each model.
        svg: maps of files to draw, one for each model.
        png: the same maps as PNG.
        labels: what figures call the data sets, as JSON.
        threads: number of numeric threads.
        isa: instruction set that numeric libraries use: native (all that the processor has) or avx2.
    """
    import json

    from fad_study.steps.per_file import score_files

    divided = [(first, second) for first, second in (pair.split(":") for pair in pairs)]
    score_files(
        statistics,
        embeddings,
        models,
        divided,
        measures,
        per_file,
        maps or (),
        list(zip(svg or (), png or (), strict=True)),
        json.loads(labels),
    )


run(main, globals())
