"""Figures with a panel for each model and reference, one below the other, and a row for each system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fad_core.util.formatting import weights_text
from fad_study.report.style import COLUMN, FAINT, new_figure, plain_style, save_figure
from fad_study.report.svg import ALARM, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]

_ROW, _ABOVE = 0.19, 0.7
"""Height of a system's row, and of what is above and below the rows, in inches."""
_LEFT = 0.42
"""Share of the width for the systems' names."""


def plot_panels(
    rows: Iterable[Row], title: str, draw: Callable[[Axes, int, Sequence[Row]], None], *paths: Path | str
) -> None:
    """Draw a panel for each model and reference.

    Args:
        rows: of a table with the columns model, weights, reference and evaluation, in the order of the
            figure.
        title: of each panel, before the name of its model.
        draw: draws the rows of a system at a place of the vertical axis.
        paths: the files to write, .svg or .png.
    """
    panels: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        panel = panels.setdefault((row["model"], row["reference"]), {})
        panel.setdefault(row["evaluation"], []).append(row)
    several = len({reference for _, reference in panels}) > 1
    heights = [_ROW * len(panel) + _ABOVE for panel in panels.values()]
    total = sum(heights) or 1.0  # an empty figure, if nothing has a value
    with plain_style():
        figure = new_figure(COLUMN, total)
        top = total
        for ((model, reference), panel), height in zip(panels.items(), heights, strict=True):
            top -= height
            place = (_LEFT, (top + 0.35) / total, 1 - _LEFT - 0.08, (height - _ABOVE) / total)
            axes = figure.add_axes(place, facecolor=PAPER)
            for at, of_system in enumerate(panel.values()):
                draw(axes, at, of_system)
            axes.set_yticks(range(len(panel)), list(panel), fontsize=7.5)
            axes.set_ylim(len(panel) - 0.4, -0.6)
            axes.grid(axis="x", color=FAINT, alpha=0.3)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.tick_params(length=2, labelsize=7.5)
            text = f"{title} by {model}" + (f", to {reference}" if several else "")
            style: Any = {"fontsize": 8.5, "fontweight": "bold", "va": "bottom", "ha": "right"}
            axes.annotate(text, (1, 1), (0, 13), "axes fraction", "offset points", **style)
            weights = next(iter(panel.values()))[0]["weights"]
            style = {"color": ALARM if weights == "seeded" else INK, "fontsize": 7, "va": "bottom"}
            style["ha"] = "right"
            axes.annotate(weights_text(weights), (1, 1), (0, 4), "axes fraction", "offset points", **style)
        save_figure(figure, *paths)
