"""Plot the systems that are compared with one reference in their order."""

from pathlib import Path

from fad_study.script_main import run


def main(ranking: Path, datasets: Path, figures: list[Path]) -> None:
    """Write the ranks by each metric as SVG, with a panel for each model.

    Args:
        ranking: the table of ranks.
        datasets: the table of counts, which has the labels of the data sets.
        figures: the SVG files to write, .../{metric}.ranking.svg.
    """
    from fad_study.labels import labelled, labels_of
    from fad_study.report.dots import plot_ranking
    from fad_study.schemas.files import DATASETS
    from fad_study.schemas.ranking import RANKING

    from fad_core.tables import read_table

    rows = labelled(read_table(RANKING, ranking), labels_of(read_table(DATASETS, datasets)))
    for figure in figures:
        plot_ranking(rows, figure.name.partition(".")[0], figure)


run(main, globals())
