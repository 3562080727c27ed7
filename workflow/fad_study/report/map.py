"""The map of a model's files, coloured by data set, as SVG; names of files are tooltips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fad_core.util.atomic import atomic_path
from fad_core.util.formatting import one_line, weights_text
from fad_study.report.style import COLOURS, MARKERS, new_figure, plain_style, save_figure
from fad_study.report.svg import ALARM, INK, PAPER

Row = Mapping[str, Any]

_SIZE = (6.4, 4.2)
_NAMED = 24
"""Data sets in the legend."""
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def plot_map(rows: Sequence[Row], *paths: Path | str) -> None:
    """Draw the files of a model.

    Args:
        rows: of a MAP table, with labels in place of names; an empty figure if there are none.
        paths: the files to write, .svg or .png.
    """
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    with plain_style():
        figure = new_figure(*_SIZE)
        axes = figure.add_axes((0.08, 0.11, 0.66, 0.76), facecolor=PAPER)
        for place, name in enumerate(sets):
            chosen = [row for row in rows if row["dataset"] == name]
            colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place // len(COLOURS) % len(MARKERS)]
            style: Any = {"color": colour, "marker": marker, "s": 16, "alpha": 0.75, "linewidth": 0}
            points = axes.scatter([row["x"] for row in chosen], [row["y"] for row in chosen], **style)
            points.set_gid(f"set-{place}")
            points.set_label(name if place < _NAMED else f"_{name}")
        if rows:
            first = rows[0]
            axes.set_title(f"Files by {first['model']}", fontsize=9, fontweight="bold", loc="left", pad=14)
            style = {"color": ALARM if first["weights"] == "seeded" else INK, "fontsize": 7, "va": "bottom"}
            weights = weights_text(first["weights"])
            axes.annotate(weights, (0, 1), (0, 3), "axes fraction", "offset points", **style)
            for side, number in (("x", "first"), ("y", "second")):
                share = f"{number} principal component, {first[f'{side}_share']:.0%} of the variance"
                axes.set(**{f"{side}label": share})
            more = f"and {len(sets) - _NAMED} more" if len(sets) > _NAMED else None
            style = {"frameon": False, "fontsize": 7, "loc": "upper left", "bbox_to_anchor": (1.01, 1)}
            axes.legend(title=more, title_fontsize=7, **style)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=2, labelsize=7.5)
        save_figure(figure, *paths)
    for path in paths:
        if Path(path).suffix == ".svg":
            _add_tooltips(Path(path), [[r for r in rows if r["dataset"] == name] for name in sets])


def _add_tooltips(path: Path, groups: Sequence[Sequence[Row]]) -> None:
    """Write the name of its file into each point of an SVG figure."""
    for prefix, namespace in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, namespace)
    tree = ElementTree.parse(path)
    for place, rows in enumerate(groups):
        group = tree.find(f".//{{{_SVG}}}g[@id='set-{place}']")
        points = [] if group is None else list(group.iter(f"{{{_SVG}}}use"))
        for point, row in zip(points, rows, strict=True):
            ElementTree.SubElement(point, f"{{{_SVG}}}title").text = one_line(
                f"{row['dataset']}: {row['file']}"
            )
    with atomic_path(path) as temporary:
        tree.write(temporary, encoding="utf-8", xml_declaration=True)
