"""Curves of distances against the levels of series of data sets, such as increasing distortions, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fad_core.metrics import get_metric
from fad_core.util.formatting import weights_text
from fad_study.report.style import COLOURS, FAINT, MARKERS, new_figure, plain_style, save_figure
from fad_study.report.svg import ALARM, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]

_PANEL = (2.2, 2.1)
"""Width and height of a panel with the space around it, in inches."""
_COLUMNS = 5
"""Panels of a row at most."""
_FILLED = (0.9, 0.72)
"""Shares of them that its axes take."""


def curve_rows(distances: Sequence[Row], series: Mapping[str, tuple[str, str]], metric: str) -> list[Row]:
    """Return the rows of a CURVES table.

    Args:
        distances: rows of a DISTANCES table.
        series: series and level of data sets by their names, in the order of the configuration. Distances of
            other sets belong to no series: they are shown as lines to compare with.
        metric: name of the metric.
    """
    place = {name: number for number, name in enumerate(series)}
    none = ("", "")
    rows = [
        {**row, **dict(zip(("series", "level"), series.get(row["evaluation"], none), strict=True))}
        for row in distances
        if row["metric"] == metric and row["value"] is not None
    ]
    models = {model: number for number, model in enumerate(dict.fromkeys(row["model"] for row in rows))}
    return sorted(rows, key=lambda row: (models[row["model"]], place.get(row["evaluation"], -1)))


def plot_curves(rows: Sequence[Row], metric: str, *paths: Path | str) -> None:
    """Draw a panel for each series, in rows for each model; the panels of a model have one scale.

    Args:
        rows: of a CURVES table, with labels in place of names.
        metric: name of the metric.
        paths: the files to write, .svg or .png.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    names = list(dict.fromkeys(row["series"] for row in rows if row["series"]))
    width, lines = max(1, min(len(names), _COLUMNS)), -(-len(names) // _COLUMNS)
    height = max(1, len(models) * lines)  # an empty figure, if nothing has a value
    with plain_style():
        # The axes fill the figure; labels around them enlarge it when it is saved.
        figure = new_figure(_PANEL[0] * width, _PANEL[1] * height)
        for number, model in enumerate(models):
            of_model = [row for row in rows if row["model"] == model]
            first: Axes | None = None
            for panel, name in enumerate(names):
                line, column = divmod(panel, _COLUMNS)
                below = 1 - (number * lines + line + 1) / height
                place = (column / width, below, _FILLED[0] / width, _FILLED[1] / height)
                axes = figure.add_axes(place, sharey=first, facecolor=PAPER)
                first = first or axes
                _draw(axes, of_model, name)
                axes.tick_params(labelleft=column == 0)
                if number == 0 or lines > 1:
                    axes.set_title(name, fontsize=9, fontweight="bold", loc="left", pad=18)
            assert first is not None
            first.set_ylim(0, None)
            first.set_ylabel(f"{get_metric(metric).label} by {model}")
            weights = of_model[0]["weights"]
            colour = ALARM if weights == "seeded" else INK
            style: Any = {"color": colour, "fontsize": 8, "va": "bottom"}
            first.annotate(weights_text(weights), (0, 1), (0, 5), "axes fraction", "offset points", **style)
        save_figure(figure, *paths)


def _draw(axes: Axes, rows: Sequence[Row], series: str) -> None:
    """Draw the curves of a series, one for each reference, and dashed lines at the sets without a series."""
    chosen = [row for row in rows if row["series"] == series]
    levels = list(dict.fromkeys(row["level"] for row in chosen))
    references = list(dict.fromkeys(row["reference"] for row in rows))
    for number, reference in enumerate(references):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        of_one = [row for row in chosen if row["reference"] == reference]
        places = [levels.index(row["level"]) for row in of_one]
        label = f"to {reference}" if len(references) > 1 else None
        axes.plot(
            places, [row["value"] for row in of_one], color=colour, marker=marker, markersize=4, label=label
        )
        for place, row in zip(places, of_one, strict=True):
            if row["ci_low"] is not None:
                axes.plot([place, place], [row["ci_low"], row["ci_high"]], color=colour, linewidth=1)
        for row in rows:
            if not row["series"] and row["reference"] == reference:
                axes.axhline(row["value"], color=colour, linewidth=0.8, linestyle=(0, (4, 3)))
                axes.annotate(
                    row["evaluation"],
                    (1, row["value"]),
                    (-2, 2),
                    ("axes fraction", "data"),
                    "offset points",
                    ha="right",
                    va="bottom",
                    fontsize=7,
                    color=colour,
                )
    if len(references) > 1:
        axes.legend(frameon=False, fontsize=7)
    axes.set_xticks(range(len(levels)), levels, fontsize=7.5)
    axes.set_xlim(-0.3, len(levels) - 0.7)
    axes.grid(axis="y", color=FAINT, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=2)
