"""Systems in the order of their distances from the reference, with intervals and letters, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fad_core.metrics import get_metric
from fad_core.util.atomic import atomic_path
from fad_core.util.formatting import weights_text
from fad_study.report.figures import FAINT, NO_METADATA, plain_style
from fad_study.report.svg import ALARM, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]

_WIDTH, _ROW, _ABOVE = 4.4, 0.21, 0.75
"""Width of a panel, height of a system's row and of what is above and below the rows, in inches."""
_LEFT = 0.42
"""Share of the width for the systems' names."""
_VALUE, _CORRECTED = "#9a99a3", "#0072b2"


def plot_ranking(rows: Sequence[Row], metric: str, path: Path | str) -> None:
    """Draw a panel for each model and reference.

    Args:
        rows: of a RANKING table, with labels in place of names.
        metric: name of the metric.
        path: path of the SVG file to write.
    """
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["metric"] == metric:
            panels.setdefault((row["model"], row["reference"]), []).append(row)
    several = len({reference for _, reference in panels}) > 1
    heights = [_ROW * len(each) + _ABOVE for each in panels.values()]
    total = sum(heights) or 1.0  # an empty figure, if nothing has a value
    with plain_style():
        figure = Figure(figsize=(_WIDTH, total), facecolor=PAPER)
        FigureCanvasSVG(figure)
        top = total
        for ((model, reference), each), height in zip(panels.items(), heights, strict=True):
            top -= height
            inside = height - _ABOVE
            place = (_LEFT, (top + 0.35) / total, 1 - _LEFT - 0.08, inside / total)
            axes = figure.add_axes(place, facecolor=PAPER)
            _draw(axes, each)
            title = f"{get_metric(metric).label} by {model}" + (f", to {reference}" if several else "")
            style: Any = {"fontsize": 9, "fontweight": "bold", "va": "bottom", "ha": "left"}
            axes.annotate(title, (0, 1), (0, 5), "axes fraction", "offset points", **style)
            weights = each[0]["weights"]
            colour = ALARM if weights == "seeded" else INK
            style = {"color": colour, "fontsize": 7, "va": "bottom", "ha": "right"}
            axes.annotate(weights_text(weights), (0, 1), (-6, 5), "axes fraction", "offset points", **style)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="svg", metadata=NO_METADATA, bbox_inches="tight", pad_inches=0.1)


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    places = range(len(rows))
    corrected = any(row["corrected"] is not None for row in rows)
    for place, row in zip(places, rows, strict=True):
        if row["ci_low"] is not None:
            axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=_CORRECTED, linewidth=1.2)
        if row["corrected"] is not None:
            axes.plot(row["corrected"], place, "o", color=_CORRECTED, markersize=4.5, zorder=3)
        marker, colour = ("|", _VALUE) if corrected else ("o", _CORRECTED)
        axes.plot(row["value"], place, marker, color=colour, markersize=6 if corrected else 4.5)
        axes.annotate(
            row["letters"],
            (1, place),
            (4, 0),
            ("axes fraction", "data"),
            "offset points",
            va="center",
            fontsize=7,
        )
    axes.set_yticks(places, [row["evaluation"] for row in rows], fontsize=7.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", color=FAINT, alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=2, labelsize=7.5)
