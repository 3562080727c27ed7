"""Embed SVG figures in a page of HTML; without Matplotlib, whose import is slow."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup

from fad_core.metrics import get_metric

INK = "#1c1b22"
PAPER = "#fefefd"
ALARM = "#c2410c"


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """Return an SVG figure for embedding in a page of HTML, in the colours of the page.

    Args:
        svg: text of the SVG file.
        prefix: put before all ids, which must be unique in the page.
        label: description for screen readers; letters, digits, and ".:,_ -" only.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", body)
    for colour, of_page in ((PAPER, "var(--paper, #fff)"), (INK, "currentColor"), (ALARM, "var(--alarm)")):
        body = body.replace(colour, of_page)
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


class PageFigures:
    """Figures for embedding in the page, until they would be too large together."""

    def __init__(self, size: int) -> None:
        """Start with no figures.

        Args:
            size: of all figures that are taken, in characters.
        """
        self._left = size

    def take(self, svg: str, prefix: str, label: str) -> Markup | None:
        """Return a figure, XML that was written by this package; None if it is too large."""
        figure = inline_svg(svg, prefix, label)
        if len(figure) > self._left:
            return None
        self._left -= len(figure)
        return Markup(figure)

    def by_metric(
        self, figures: Mapping[str, str], prefix: str, what: str
    ) -> list[tuple[str, str, Markup | None]]:
        """Return each metric, its label, and its figure."""
        return [
            (metric, get_metric(metric).label, self.take(figure, f"{prefix}{k}", what.format(metric)))
            for k, (metric, figure) in enumerate(figures.items())
        ]
