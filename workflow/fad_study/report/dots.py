"""Systems in the order of their distances from the reference, with intervals and letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fad_core.metrics import get_metric
from fad_study.report.panels import plot_panels
from fad_study.report.style import COLOURS, FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]


def plot_ranking(rows: Sequence[Row], metric: str, *paths: Path | str) -> None:
    """Draw a panel for each model and reference.

    Args:
        rows: of a RANKING table, with labels in place of names.
        metric: name of the metric.
        paths: the files to write, .svg or .png.
    """
    chosen = [row for row in rows if row["metric"] == metric]
    corrected = {
        (row["model"], row["reference"]) for row in chosen if row["corrected"] is not None
    }  # panels whose values are marked beside the corrected ones

    def draw(axes: Axes, place: int, of_system: Sequence[Row]) -> None:
        (row,) = of_system
        _draw(axes, place, row, (row["model"], row["reference"]) in corrected)

    plot_panels(chosen, get_metric(metric).label, draw, *paths)


def _draw(axes: Axes, place: int, row: Row, corrected: bool) -> None:
    if row["ci_low"] is not None:
        axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=COLOURS[0], linewidth=1.2)
    if row["corrected"] is not None:
        axes.plot(row["corrected"], place, "o", color=COLOURS[0], markersize=4.5, zorder=3)
    marker, colour = ("|", FAINT) if corrected else ("o", COLOURS[0])
    axes.plot(row["value"], place, marker, color=colour, markersize=6 if corrected else 4.5)
    style: Any = {"va": "center", "fontsize": 7}
    axes.annotate(row["letters"], (1, place), (4, 0), ("axes fraction", "data"), "offset points", **style)
