"""Heat maps: the same data gives the same bytes (with the same Matplotlib)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from fad_core.metrics import get_metric
from fad_core.util.formatting import significant, weights_text
from fad_study.report.matrix import Matrix
from fad_study.report.style import FAINT, new_figure, plain_style, save_figure
from fad_study.report.svg import ALARM, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

# Lightness decreases evenly from near (light) to far (dark), also in greyscale; the extremes are cut off.
_HEAT = ListedColormap(matplotlib.colormaps["magma"](np.linspace(0.97, 0.2, 256)), name="distance")
# Values that span a larger ratio are shown on a logarithmic scale.
_LOG_RATIO = 30.0
_DIGITS = 3
_PIXELS = 2000
"""Cells above which they are drawn as an image, since a page with their outlines would be slow."""
_UNITS = {"fad": " (squared embedding units)"}


def plot_heatmap(
    matrix: Matrix, metric: str, model: str, weights: str, weights_sha256: str, *paths: Path | str
) -> None:
    """Draw a matrix of distances as a heat map, with the values in the cells if they fit.

    Args:
        matrix: the distances; cells without a value stay empty.
        metric: name of the metric.
        model: name of the model in the study.
        weights: as tables name them; "seeded" is marked as not a published model.
        weights_sha256: hash of the checkpoint.
        paths: the files to write, .svg or .png.
    """
    chosen = get_metric(metric)
    values = np.array([[np.nan if v is None else v for v in row] for row in matrix.values], dtype=np.float64)
    rows, columns = values.shape
    cell = min(0.62, max(0.24, 6.0 / max(rows, columns)))  # the width of a page has room for most
    width, height = cell * columns, cell * rows
    with plain_style():
        # The axes fill the figure; labels around them enlarge it when it is saved.
        figure = new_figure(width, height)
        axes = figure.add_axes((0, 0, 1, 1), facecolor=PAPER)
        norm = _norm(values)
        # Zeros have no place on a logarithmic scale, and get no colour.
        coloured = np.ma.masked_where(np.isnan(values) | (isinstance(norm, LogNorm) & (values <= 0)), values)
        style: Any = {"edgecolors": PAPER, "linewidth": min(1.5, 3 * cell)}
        if values.size > _PIXELS:
            style = {"rasterized": True}
        mesh = axes.pcolormesh(coloured, cmap=_HEAT, norm=norm, **style)
        axes.set(xlim=(0, columns), ylim=(rows, 0), xlabel="evaluation", ylabel="reference")
        axes.spines[:].set_visible(False)
        _label_cells(axes, matrix, cell)
        _write_values(axes, values, coloured, mesh, cell)
        _title(axes, f"{chosen.title}: {model}", weights, weights_sha256)
        above = figure.add_axes((0, 1 + 0.45 / height, min(3.2, max(width, 2.7)) / width, 0.13 / height))
        _colour_bar(figure, above, mesh, f"{chosen.label}{_UNITS.get(metric, '')}")
        save_figure(figure, *paths)


def _norm(values: NDArray[np.float64]) -> Normalize:
    positive = values[values > 0]
    if not positive.size:
        return Normalize(0, 1)
    low, high = float(positive.min()), float(positive.max())
    return LogNorm(low, high) if high > _LOG_RATIO * low else Normalize(0, high)


def _label_cells(axes: Axes, matrix: Matrix, cell: float) -> None:
    columns, rows = matrix.evaluations, matrix.references
    size = 9 if cell > 0.3 else 7.5
    upright = max(map(len, columns)) * size * 0.65 <= cell * 72
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=size)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=size)
    if not upright:
        axes.tick_params(axis="x", labelrotation=45 if cell > 0.4 else 90)
        for label in axes.get_xticklabels():
            label.set(ha="right", va="center" if cell <= 0.4 else "top", rotation_mode="anchor")
    axes.tick_params(length=0, pad=5)


def _write_values(
    axes: Axes,
    values: NDArray[np.float64],
    coloured: np.ma.MaskedArray[Any, Any],
    mesh: QuadMesh,
    cell: float,
) -> None:
    size = min(8.0, cell * 72 / 4.6)
    colours = mesh.to_rgba(coloured)
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.plot(column + 0.5, row + 0.5, marker="_", color=FAINT, markersize=4)
        elif size >= 6.5:
            ink = "#ffffff" if _luminance(colours[row, column]) < 0.18 else "#000000"
            if np.ma.getmaskarray(coloured)[row, column]:
                ink = INK
            text = significant(float(value), _DIGITS)
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=ink)


def _luminance(colour: NDArray[Any]) -> float:
    """Return the relative luminance of an sRGB colour (WCAG 2); black and white contrast equally at 0.18."""
    rgb = np.asarray(colour[:3], dtype=np.float64)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _colour_bar(figure: Figure, axes: Axes, mesh: QuadMesh, label: str) -> None:
    bar = figure.colorbar(mesh, cax=axes, orientation="horizontal", format="{x:g}")
    low, high = mesh.get_clim()
    if isinstance(mesh.norm, LogNorm) and low is not None and high is not None:
        label += ", log scale"
        bar.locator = LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,))
        bar.minorticks_off()  # where there are few decades, they would have labels
    axes.set_xlabel(label, loc="left", fontsize=8)
    axes.xaxis.set_label_position("top")
    axes.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    if bar.solids is not None:
        # Overlapping shapes: viewers show gaps between adjacent ones.
        bar.solids.set(rasterized=False, edgecolor="face", linewidth=1)


def _title(axes: Axes, title: str, weights: str, sha256: str) -> None:
    def line(text: str, above: float, **style: Any) -> None:
        axes.annotate(text, (0, 1), (0, above), "axes fraction", "offset points", va="bottom", **style)

    colour = ALARM if weights == "seeded" else INK
    line(title, 84, fontsize=12, fontweight="bold")
    line(f"{weights_text(weights)}, sha256 {sha256[:8]}…", 68, color=colour)
