"""Write a study's tables as they stand in a paper, in Markdown and in LaTeX."""

from pathlib import Path

from fad_study.script_main import run


def main(
    study: str,
    outputs: list[Path],
    distances: Path | None = None,
    repeats: Path | None = None,
    groups: str = "{}",
    published: Path | None = None,
    correlations: Path | None = None,
    confidence: float = 0.95,
) -> None:
    """Write each table that is given as distances, published or correlations, .md and .tex.

    Args:
        study: its name, for the labels.
        outputs: the files to write, such as distances.md; their names say which table.
        distances: the long table of distances.
        repeats: the table of draws of one experiment.
        groups: names of data sets by the name of their group, as JSON.
        published: the table of published figures.
        correlations: the table of correlations.
        confidence: of the correlations' intervals.
    """
    import json

    from fad_study.steps.papers import write_paper_tables

    chosen = json.loads(groups)
    write_paper_tables(study, distances, repeats, chosen, published, correlations, confidence, outputs)


run(main, globals())
