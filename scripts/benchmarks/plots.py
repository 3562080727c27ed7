"""Plots of the benchmark as SVG: the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fad_study.report.style import FAINT, plain_style, save_figure
from fad_study.report.svg import INK, PAPER
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.scaling_sweep import Sweep

Row = Mapping[str, Any]

_COLOURS = ("#5b3a8c", "#d9822b", "#2b7a78", "#a23b5a", "#4a6fa5", "#7a7a2b")
_LINES = ("-", "--", ":", "-.")
_QUANTITIES = {"seconds": "time, s", "peak_gb": "peak memory, GB"}


def plot_growth(rows: Sequence[Row], sweep: Sweep, path: Path) -> None:
    """Plot curves on logarithmic axes, with colours for models and line styles for programs.

    Args:
        rows: rows of the curves (`benchmarks.scaling_sweep.run_sweep`).
        sweep: what was varied.
        path: the SVG file to write.
    """
    quantities = [name for name in _QUANTITIES if any(row[name] is not None for row in rows)]
    series, programs = (list(dict.fromkeys(row[name] for row in rows)) for name in ("series", "program"))
    with plain_style():
        figure = Figure(figsize=(4.4 * len(quantities), 3.4), facecolor=PAPER, layout="constrained")
        for axes, quantity in zip(
            figure.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True
        ):
            for name in series:
                for program in programs:
                    curve = [row for row in rows if (row["series"], row["program"]) == (name, program)]
                    colour = (series if len(series) > 1 else programs).index(
                        name if len(series) > 1 else program
                    )
                    axes.plot(
                        [row["size"] for row in curve],
                        [row[quantity] for row in curve],
                        color=_COLOURS[colour % len(_COLOURS)],
                        linestyle=_LINES[programs.index(program) % len(_LINES)],
                        marker="o",
                        markersize=3,
                        label=f"{name} {program}".strip(),
                    )
            axes.set(xscale="log", yscale="log", xlabel=sweep.label, ylabel=_QUANTITIES[quantity])
            sizes = sorted({row["size"] for row in rows})
            axes.set_xticks(sizes, [str(size) for size in sizes])
            axes.minorticks_off()
            _plain(axes)
            # At least one decade, so that a nearly constant curve looks flat.
            low, high = axes.get_ylim()
            widening = max(1.0, (10 * low / high) ** 0.5)
            axes.set_ylim(low / widening, high * widening)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
        save_figure(figure, path)


def plot_programs(rows: Sequence[Row], path: Path) -> None:
    """Plot the time of each program for each model as bars, and the lower bound as a line.

    Args:
        rows: one for each model (`benchmarks.tables.program_row`).
        path: the SVG file to write.
    """
    programs = [
        name for name in dict.fromkeys(key for row in rows for key in row) if name.endswith("_seconds")
    ]
    programs = [name for name in programs if name not in ("audio_seconds", "floor_seconds")]
    thickness = 0.8 / len(programs)
    with plain_style():
        figure = Figure(figsize=(6.5, 0.55 * len(rows) + 0.9), facecolor=PAPER, layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(rows))
        for index, name in enumerate(programs):
            at = places - 0.4 + (index + 0.5) * thickness
            widths = [row.get(name) or 0.0 for row in rows]
            colour = _COLOURS[index % len(_COLOURS)]
            axes.barh(at, widths, thickness * 0.9, color=colour, label=name.removesuffix("_seconds"))
        floors = [row["floor_seconds"] for row in rows]
        axes.vlines(floors, places - 0.4, places + 0.4, color=INK, linewidth=1.2, label="floor")
        axes.set_yticks(places, [row["model"] for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel("two folders to their distance, s")
        _plain(axes, axis="x")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        save_figure(figure, path)


def _plain(axes: Any, axis: str = "both") -> None:
    axes.set_facecolor(PAPER)
    axes.grid(axis=axis, color=FAINT, alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if axes.get_yscale() == "log":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
