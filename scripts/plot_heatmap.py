"""Plot one model's matrix of distances as a heat map."""

from pathlib import Path

from fad_study.script_main import run


def main(
    matrix: Path, distances: Path, datasets: Path, model: str, metric: str, svg: Path, png: Path
) -> None:
    """Write a heat map as SVG, with the values in the cells if they fit.

    Args:
        matrix: the matrix as CSV.
        distances: the table of distances, which names the weights.
        datasets: the table of counts, which has the labels of the data sets.
        model: name of the model in the study.
        metric: name of the metric.
        svg: the figure to write.
        png: the same figure as PNG.
    """
    from fad_study.labels import labels_of
    from fad_study.report.figures import plot_heatmap
    from fad_study.report.matrix import compact, read_matrix, rows_of
    from fad_study.schemas.files import DATASETS

    from fad_core.tables import DISTANCES, read_table

    rows = rows_of(read_table(DISTANCES, distances), model, metric)
    weights, sha256 = rows[0]["weights"], rows[0]["weights_sha256"]
    shown = compact(read_matrix(matrix, rows), rows).labelled(labels_of(read_table(DATASETS, datasets)))
    plot_heatmap(shown, metric, model, weights, sha256, svg, png)


run(main, globals())
