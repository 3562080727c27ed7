"""Write a study's tables for a paper, in Markdown and in LaTeX."""

from pathlib import Path

from fad_study.script_main import run


def main(
    study: str,
    outputs: list[Path],
    distances: Path | None = None,
    datasets: Path | None = None,
    ranking: Path | None = None,
    repeats: Path | None = None,
    groups: str = "{}",
    categories: Path | None = None,
    published: Path | None = None,
    correlations: Path | None = None,
    confidence: float = 0.95,
    clap_score: Path | None = None,
    pairs: list[str] | None = None,
) -> None:
    """Write a table for a paper of each table that is given.

    Args:
        study: name of the study, for the labels.
        outputs: the files to write, named after the table, such as distances.md.
        distances: the table of distances.
        datasets: the table of counts, which has the labels of the data sets.
        ranking: the table of ranks, which has the letters of systems that cannot be told apart.
        repeats: the table of groups of draws.
        groups: JSON object with the names of the data sets of each group.
        categories: the table of systems by category.
        published: the table of published figures.
        correlations: the table of correlations.
        confidence: confidence level of the correlations' intervals.
        clap_score: the table of CLAP scores.
        pairs: the pairs of data sets, reference:evaluation, if the study names the reference.
    """
    import json

    from fad_study.steps.papers import write_paper_tables

    chosen = json.loads(groups)
    results = (categories, published, correlations)
    given = (study, distances, datasets, ranking, repeats, chosen, *results, confidence, outputs)
    named = [(first, second) for first, second in (pair.split(":") for pair in pairs or ())]
    write_paper_tables(*given, clap_score, named)


run(main, globals())
