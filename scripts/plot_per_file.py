"""Plot how far the files of each data set are from the reference."""

from pathlib import Path

from fad_study.script_main import run


def main(per_file: Path, datasets: Path, measure: str, svg: Path, png: Path) -> None:
    """Draw the distribution of a measure, with a panel for each model.

    Args:
        per_file: the table of single files.
        datasets: the table of counts, which has the labels of the data sets.
        measure: nearest, kad or fad.
        svg: the figure to write.
        png: the same figure as PNG.
    """
    from fad_study.labels import labelled, labels_of
    from fad_study.report.spreads import plot_per_file
    from fad_study.schemas.files import DATASETS

    from fad_core.tables import PER_FILE, read_table

    rows = labelled(read_table(PER_FILE, per_file), labels_of(read_table(DATASETS, datasets)))
    plot_per_file(rows, measure, svg, png)


run(main, globals())
