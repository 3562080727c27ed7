"""SVG files of `figures` and `bars` in a page of HTML; without Matplotlib, which takes its time to import."""

from __future__ import annotations

import re

INK = "#1c1b22"
PAPER = "#fefefd"


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """Make an SVG file fit to stand in a page of HTML, in its colours.

    Args:
        svg: the file's text.
        prefix: put before all ids, so that those of several figures differ.
        label: read out for the figure; plain letters, digits, and ".:,_ -".
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", body)
    body = body.replace(PAPER, "var(--paper, #fff)").replace(INK, "currentColor")
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
