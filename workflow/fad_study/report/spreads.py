"""How far the files of each system are from the reference: each file, and quartiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import NullFormatter

from fad_study.report.panels import plot_panels
from fad_study.report.style import COLOURS
from fad_study.report.svg import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]

POINTS = 300
"""Files of a system that are drawn: of more, those at so many evenly spaced ranks, the outermost included."""
TITLES = {"nearest": "Nearest distance", "kad": "Influence on KAD", "fad": "FAD of single files"}
_LOG_RATIO = 30.0
"""Ratio of the largest to the smallest value above which the scale is logarithmic."""
_GOLDEN = 0.6180339887498949


def plot_per_file(rows: Sequence[Row], measure: str, *paths: Path | str) -> None:
    """Draw a panel for each model and reference.

    Args:
        rows: of a PER_FILE table, with labels in place of names.
        measure: the column to draw: nearest, kad or fad.
        paths: the files to write, .svg or .png.
    """
    chosen = [row for row in rows if row[measure] is not None]
    ends: dict[tuple[str, str], list[float]] = {}
    for row in chosen:
        ends.setdefault((row["model"], row["reference"]), []).append(row[measure])

    def draw(axes: Axes, place: int, of_system: Sequence[Row]) -> None:
        values = ends[of_system[0]["model"], of_system[0]["reference"]]
        if min(values) > 0 and max(values) > _LOG_RATIO * min(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        _draw(axes, place, np.sort([row[measure] for row in of_system]))

    plot_panels(chosen, TITLES[measure], draw, *paths)


def _draw(axes: Axes, place: int, values: Any) -> None:
    """Draw sorted values as points, and their quartiles as a line with the median."""
    shown = values
    if len(values) > POINTS:
        shown = values[np.linspace(0, len(values) - 1, POINTS).round().astype(int)]
    # Multiples of the golden ratio, modulo 1, spread neighbours without randomness.
    beside = 0.62 * (_GOLDEN * np.arange(1, len(shown) + 1) % 1 - 0.5)
    axes.plot(shown, place + beside, "o", color=COLOURS[0], markersize=2, markeredgewidth=0, alpha=0.45)
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.plot([low, high], [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")
    axes.plot(median, place, "|", color=COLOURS[1], markersize=8, markeredgewidth=2)
