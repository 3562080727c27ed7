"""Embed SVG figures in a page of HTML; without Matplotlib, whose import is slow."""

from __future__ import annotations

import re

INK = "#1c1b22"
PAPER = "#fefefd"


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
    body = body.replace(PAPER, "var(--paper, #fff)").replace(INK, "currentColor")
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
