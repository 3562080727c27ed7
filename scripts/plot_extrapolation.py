"""Collect and plot the distances of parts of data sets from which a metric extrapolates."""

from pathlib import Path

from fad_study.script_main import run


def main(parts: list[Path], datasets: Path, tables: list[Path], svg: Path, png: Path) -> None:
    """Write one table of all models, and a figure with a panel for each.

    Args:
        parts: tables of distances of parts, one for each model.
        datasets: the table of counts, which has the labels of the data sets.
        tables: tables to write, .parquet and .csv.
        svg: the figure to write.
        png: the same figure as PNG.
    """
    from fad_study.labels import labelled, labels_of
    from fad_study.report.lines import plot_extrapolation
    from fad_study.schemas.files import DATASETS
    from fad_study.schemas.ranking import EXTRAPOLATION

    from fad_core.tables import read_table, write_table

    rows = [row for path in parts for row in read_table(EXTRAPOLATION, path)]
    for path in tables:
        write_table(EXTRAPOLATION, rows, path)
    plot_extrapolation(labelled(rows, labels_of(read_table(DATASETS, datasets))), svg, png)


run(main, globals())
