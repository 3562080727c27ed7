"""Plot the systems that are compared with one reference in their order."""

from pathlib import Path

from fad_study.script_main import run


def main(ranking: Path, datasets: Path, svg: list[Path], png: list[Path]) -> None:
    """Draw the ranks by each metric, with a panel for each model.

    Args:
        ranking: the table of ranks.
        datasets: the table of counts, which has the labels of the data sets.
        svg: the figures to write, .../{metric}.ranking.svg.
        png: the same figures as PNG.
    """
    from fad_study.labels import labelled, labels_of
    from fad_study.report.dots import plot_ranking
    from fad_study.schemas.files import DATASETS
    from fad_study.schemas.ranking import RANKING

    from fad_core.tables import read_table

    rows = labelled(read_table(RANKING, ranking), labels_of(read_table(DATASETS, datasets)))
    for figures in zip(svg, png, strict=True):
        plot_ranking(rows, figures[0].name.partition(".")[0], *figures)


run(main, globals())
