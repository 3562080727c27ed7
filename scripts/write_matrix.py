"""Write one model's distances by one metric as a matrix."""

from pathlib import Path

from fad_study.script_main import run


def main(distances: Path, model: str, metric: str, datasets: list[str], matrix: Path) -> None:
    """Write a CSV table with a row for each reference and a column for each evaluated set.

    Args:
        distances: the table of distances.
        model: name of the model in the study.
        metric: name of the metric.
        datasets: names of the data sets, in the order of rows and columns.
        matrix: the CSV table to write.
    """
    from fad_study.report.matrix import distance_matrix, write_matrix

    from fad_core.tables import DISTANCES, read_table

    write_matrix(distance_matrix(read_table(DISTANCES, distances), model, metric, datasets), matrix)


run(main, globals())
