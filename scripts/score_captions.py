"""Compare the files of data sets with their captions."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run

from fad_core.util.instructions import Isa


def main(
    models: list[str],
    weights: list[str],
    settings: list[str],
    exported: list[Path],
    verdicts: list[Path],
    datasets: list[str],
    captions: list[Path],
    decisions: Path,
    statistics: list[Path],
    embeddings: list[Path],
    scores: list[Path],
    file_values: Path,
    ckpt_dir: Path | None = None,
    threads: int = 1,  # noqa: ARG001 - read by run
    isa: Isa = "native",  # noqa: ARG001 - read by run
    mixed_numerics: Literal["refuse", "allow"] = "refuse",
) -> None:
    """Write the CLAP score of each data set with captions, and the cosine of each file and its caption.

    Args:
        models: names of the models of audio in the study.
        weights: weights of each of these, with which captions are tokenised and embedded.
        settings: settings of each that differ from the defaults, as in "crop=first".
        exported: the exported model of captions of each.
        verdicts: tables of verification of these, which must have passed on a machine of this kind.
        datasets: names of the data sets.
        captions: the table of captions of each.
        decisions: table of the decisions on all files.
        statistics: tables of statistics, by models and data sets.
        embeddings: tables of embeddings of all batches, by models.
        scores: the tables of data sets to write.
        file_values: the table of single files to write.
        ckpt_dir: folder of the official vocabulary; by default that of torch.hub.
        threads: number of numeric threads.
        isa: instruction set that numeric libraries use: native (all that the processor has) or avx2.
        mixed_numerics: whether verdicts of machines that compute differently are refused or allowed.
    """
    from fad_study.steps.captions import CaptionModel, score_captions

    score_captions(
        [CaptionModel(*entry) for entry in zip(models, weights, settings, exported, strict=True)],
        verdicts,
        dict(zip(datasets, captions, strict=True)),
        decisions,
        statistics,
        embeddings,
        scores,
        file_values,
        ckpt_dir,
        mixed=mixed_numerics == "allow",
    )


run(main, globals())
