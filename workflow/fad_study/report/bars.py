"""Bar chart of the pooled correlations of distances with ratings, after Tailleur et al. 2024."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fad_study.correlations import GLOBAL
from fad_study.report.style import COLOURS, COLUMN, FAINT, new_figure, plain_style, save_figure
from fad_study.report.svg import ALARM, INK, PAPER

Row = Mapping[str, Any]

_ROW = 0.22
"""Height of the bars of one embedding, in inches."""
_LEFT = 0.38
"""Share of the width for the embeddings' names."""


def plot_correlations(rows: Sequence[Row], *paths: Path | str) -> None:
    """Draw Pearson's coefficients with their intervals, the strongest embedding at the top.

    Args:
        rows: of a CORRELATIONS table.
        paths: the files to write, .svg or .png.
    """
    pooled = [row for row in rows if (row["category"], row["statistic"]) == (GLOBAL, "pearson")]
    criteria = list(dict.fromkeys(row["criterion"] for row in pooled))
    cells = {(row["embedding"], row["criterion"]): row for row in pooled}
    embeddings = sorted(
        dict.fromkeys(row["embedding"] for row in pooled),
        key=lambda name: np.mean([cells[name, criterion]["value"] for criterion in criteria]),
    )
    height = _ROW * (len(embeddings) + 1)
    thickness = 0.8 / len(criteria)
    with plain_style():
        figure = new_figure(COLUMN, height)
        axes = figure.add_axes((_LEFT, 0, 1 - _LEFT, 1), facecolor=PAPER)
        places = np.arange(len(embeddings))
        for index, criterion in enumerate(criteria):
            chosen = [cells[name, criterion] for name in embeddings]
            at = places + (index - (len(criteria) - 1) / 2) * thickness
            values = [row["value"] for row in chosen]
            colour = COLOURS[index % len(COLOURS)]
            axes.barh(at, values, thickness * 0.9, color=colour, label=criterion)
            for place, row in zip(at, chosen, strict=True):
                if row["ci_low"] is not None:
                    axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=INK, linewidth=0.8)
            marked = [(row["published"], place) for place, row in zip(at, chosen, strict=True)]
            found = [pair for pair in marked if pair[0] is not None]
            if found:
                label = "published" if index == 0 else None
                figures, heights = zip(*found, strict=True)
                axes.scatter(figures, heights, s=9, color=PAPER, edgecolor=ALARM, zorder=3, label=label)
        axes.set_yticks(places, embeddings, fontsize=7)
        axes.set(xlim=(-1, 1), ylim=(len(embeddings) - 0.4, -0.6))
        axes.set_xlabel("Pearson correlation of distance and rating", fontsize=7.5)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.grid(axis="x", color=FAINT, alpha=0.3)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, pad=4, labelsize=7)
        style: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2, "columnspacing": 1}
        axes.legend(frameon=False, fontsize=7, **style)
        save_figure(figure, *paths)
