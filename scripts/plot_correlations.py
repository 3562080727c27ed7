"""Plot the pooled correlations of distances with ratings."""

from pathlib import Path

from fad_study.script_main import run


def main(correlations: Path, svg: Path, png: Path) -> None:
    """Write a bar chart with intervals as SVG.

    Args:
        correlations: the table of correlations.
        svg: the figure to write.
        png: the same figure as PNG.
    """
    from fad_study.report.bars import plot_correlations
    from fad_study.schemas.papers import CORRELATIONS

    from fad_core.tables import read_table

    plot_correlations(read_table(CORRELATIONS, correlations), svg, png)


run(main, globals())
