"""Draw one model's matrix of distances as a heat map."""

from pathlib import Path

from fad_study.script_main import run


def main(matrix: Path, distances: Path, model: str, metric: str, figure: Path) -> None:
    """Draw the matrix; its values stand in the cells where there is room for them.

    Args:
        matrix: the matrix, as CSV.
        distances: the long table of distances, which says what the weights were.
        model: whose distances, by its name in the study.
        metric: which metric.
        figure: the SVG file to write.
    """
    from fad_study.report.figures import plot_heatmap
    from fad_study.report.matrix import compact, read_matrix, rows_of

    from fad_core.tables import DISTANCES, read_table

    rows = rows_of(read_table(DISTANCES, distances), model, metric)
    weights, sha256 = rows[0]["weights"], rows[0]["weights_sha256"]
    plot_heatmap(compact(read_matrix(matrix), rows), metric, model, weights, sha256, figure)


run(main, globals())
