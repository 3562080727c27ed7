"""The style that all figures share; each is written as SVG and as PNG, the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fad_core.util.atomic import atomic_path
from fad_study.report.svg import INK, PAPER

_MARGIN = 0.1
COLUMN, PAGE = 3.4 - 2 * _MARGIN, 7.0 - 2 * _MARGIN
"""Widths of a column and of a page of a paper in inches, without the margins that figures are saved with."""
FAINT = "#9a99a3"
# Wong, Nature Methods 8, 441 (2011): distinct to colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P")

_METADATA = {
    ".svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    ".png": {"Software": None},
}
_SVG_DPI, _PNG_DPI = 50, 300
"""Resolution of what is drawn as an image in SVG, and of PNG, if the figure is no wider than a page."""


@contextmanager
def plain_style() -> Iterator[None]:
    """Use Matplotlib's defaults whatever the user's settings are, and draw text as outlines of its font."""
    style: Any = {
        "svg.hashsalt": "fad_core",
        "svg.fonttype": "path",
        "text.parse_math": False,
        "font.size": 9,
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK
        ),
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure.

    Args:
        width: in inches; labels outside of it enlarge the figure when it is saved.
        height: in inches.
    """
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    FigureCanvasSVG(figure)
    # It is cut to what is in it: to no less than its size.
    figure.add_artist(Line2D((0, 1), (0, 1), linestyle="none"))
    return figure


def save_figure(figure: Figure, *paths: Path | str) -> None:
    """Write a figure, with all that is outside of its axes.

    Args:
        figure: what to write.
        paths: the files to write, .svg or .png.
    """
    png_dpi = _PNG_DPI * min(1.0, PAGE / figure.get_figwidth())
    for path in paths:
        suffix = Path(path).suffix
        dpi = _SVG_DPI if suffix == ".svg" else png_dpi
        style: Any = {"bbox_inches": "tight", "pad_inches": _MARGIN, "dpi": dpi}
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=_METADATA[suffix], **style)
