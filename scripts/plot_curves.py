"""Plot the distances along each series of data sets, and write them as a table."""

from pathlib import Path

from fad_study.script_main import run


def main(
    distances: Path,
    datasets: Path,
    metric: str,
    series: str,
    table: Path,
    monotonicity: Path,
    svg: Path,
    png: Path,
) -> None:
    """Write the curves of a metric as figures, and their values as CSV.

    Args:
        distances: the table of distances.
        datasets: the table of counts, which has the labels of the data sets.
        metric: name of the metric.
        series: JSON object with [series, level] of data sets by their names.
        table: the CSV file to write.
        monotonicity: the CSV file to write on whether the metric gets worse from level to level.
        svg: the figure to write.
        png: the same figure as PNG.
    """
    import json

    from fad_study.labels import labelled, labels_of
    from fad_study.monotonicity import monotonicity_rows
    from fad_study.report.curves import curve_rows, plot_curves
    from fad_study.schemas.curves import CURVES, MONOTONICITY
    from fad_study.schemas.files import DATASETS

    from fad_core.tables import DISTANCES, read_table, write_table

    rows = curve_rows(read_table(DISTANCES, distances), json.loads(series), metric)
    write_table(CURVES, [{name: row[name] for name in CURVES.names} for row in rows], table)
    write_table(MONOTONICITY, list(monotonicity_rows(rows)), monotonicity)
    plot_curves(labelled(rows, labels_of(read_table(DATASETS, datasets))), metric, svg, png)


run(main, globals())
