"""Distances of parts of data sets over one divided by their sizes, with the fitted lines, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.util.formatting import weights_text
from fad_study.report.style import COLOURS, COLUMN, FAINT, MARKERS, new_figure, plain_style, save_figure
from fad_study.report.svg import ALARM, INK, PAPER

Row = Mapping[str, Any]

_HEIGHT = 2.2
"""Height of a panel with the space around it, in inches."""


def plot_extrapolation(rows: Sequence[Row], *paths: Path | str) -> None:
    """Draw a panel for each model, with the points and the line of each pair of data sets.

    Args:
        rows: of an EXTRAPOLATION table, with labels in place of names.
        paths: the files to write, .svg or .png.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    several = len({row["reference"] for row in rows}) > 1
    count = max(1, len(models))  # an empty figure, if nothing was fitted
    with plain_style():
        figure = new_figure(COLUMN, _HEIGHT * count)
        for number, model in enumerate(models):
            below = 1 - (number + 1) / count
            axes = figure.add_axes((0.13, below + 0.18 / count, 0.58, 0.62 / count), facecolor=PAPER)
            of_model = [row for row in rows if row["model"] == model]
            pairs = list(dict.fromkeys((row["reference"], row["evaluation"]) for row in of_model))
            for place, pair in enumerate(pairs):
                chosen = [row for row in of_model if (row["reference"], row["evaluation"]) == pair]
                colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place // len(COLOURS) % len(MARKERS)]
                x, line = [1000 / row["n"] for row in chosen], [row["fitted"] for row in chosen]
                slope = (line[0] - line[-1]) / (x[0] - x[-1]) if x[0] != x[-1] else 0.0
                axes.plot(x, [row["value"] for row in chosen], marker, color=colour, markersize=3)
                label = f"{pair[1]} to {pair[0]}" if several else pair[1]
                ends = [line[-1] - slope * x[-1], line[0]]
                axes.plot([0, x[0]], ends, color=colour, linewidth=1, label=label)
            axes.set_title(f"FAD of parts by {model}", fontsize=9, fontweight="bold", loc="left", pad=14)
            weights = of_model[0]["weights"]
            style: Any = {"color": ALARM if weights == "seeded" else INK, "fontsize": 7, "va": "bottom"}
            axes.annotate(weights_text(weights), (0, 1), (0, 3), "axes fraction", "offset points", **style)
            axes.set_xlabel("1000 / number of vectors; FAD∞ is at 0", fontsize=8)
            axes.set_xlim(0, None)
            axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))
            axes.grid(axis="y", color=FAINT, alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=2, labelsize=7.5)
        save_figure(figure, *paths)
