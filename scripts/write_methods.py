"""Write a paragraph on how a study's numbers were computed, in Markdown and in LaTeX, with its references."""

from pathlib import Path

from fad_study.script_main import run


def main(
    outputs: list[Path],
    models: list[str],
    distances: Path | None = None,
    datasets: Path | None = None,
    ranking: Path | None = None,
    correlations: Path | None = None,
    clap_score: Path | None = None,
    choice: str = "null",
    seed: int = 0,
) -> None:
    """Write a paragraph for the methods section of a paper.

    Args:
        outputs: the files to write, .md, .tex or .bib.
        models: name=id of each model, followed by its settings, as in "clap=clap-630k crop=first".
        distances: the table of distances.
        datasets: the table of counts.
        ranking: the table of ranks.
        correlations: the table of correlations.
        clap_score: the table of CLAP scores.
        choice: options of the correlations, `fad_study.paper_options.CorrelationChoice` as JSON.
        seed: seed of the bootstrap resamples.
    """
    import json

    from fad_study.paper_options import CorrelationChoice
    from fad_study.steps.papers import write_methods

    facts = json.loads(choice)
    chosen = CorrelationChoice(**facts) if facts else None
    write_methods(models, distances, datasets, ranking, correlations, chosen, seed, outputs, clap_score)


run(main, globals())
