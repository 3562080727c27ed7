"""Compare the distances of a study with published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.errors import FadError
from fad_study.papers.repeats import SHARED
from fad_study.user_csv import UserRow, label, read_user_csv, require_unique

Row = Mapping[str, Any]

_KEY = ("model", "reference", "evaluation", "metric")
_OWN_NOTE = "weights from a checkpoint file, not the official ones"


def read_figures(path: Path) -> list[UserRow]:
    """Read published distances.

    Args:
        path: path of a CSV table with the columns model, reference, evaluation, metric, value, source.

    Raises:
        FadError: the table cannot be read, or has two figures of one source for the same.
    """
    rows = read_user_csv(path, (*_KEY, "source"), ("value",))
    require_unique(rows, (*_KEY, "source"))
    return rows


def published_rows(
    figures: Sequence[UserRow], distances: Sequence[Row], repeats: Sequence[Row], tolerance: float
) -> list[dict[str, Any]]:
    """Return rows of `fad_study.schemas.papers.PUBLISHED`, one for each figure, in their order.

    Args:
        figures: published distances.
        distances: rows of a DISTANCES table.
        repeats: rows of a REPEATS table, whose groups figures may name as their evaluated set.
        tolerance: largest relative difference that agrees.

    Raises:
        FadError: a figure is of a distance that the study does not compute.
    """
    ours = {_key(row): _one_draw(row) for row in distances} | {_key(row): dict(row) for row in repeats}
    rows = []
    for figure in figures:
        key = tuple(figure.texts[name] for name in _KEY)
        if key not in ours:
            raise FadError(
                f"{figure.place}: a figure for {label(_KEY, key)}, which this study does not compute; "
                f"it has {', '.join(' '.join(known) for known in list(ours)[:6])}"
                f"{' …' if len(ours) > 6 else ''}"
            )
        rows.append(_row(ours[key], figure, tolerance))
    return rows


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)


def _one_draw(row: Row) -> dict[str, Any]:
    """Return a row of a distance in the form of a group of one draw."""
    value = row["value"]
    return {**row, "draws": 1, "mean": value, "sd": None, "min": value, "max": value}


def _row(ours: Row, figure: UserRow, tolerance: float) -> dict[str, Any]:
    published = figure.numbers["value"]
    difference = ours["mean"] - published
    verdict = "agrees" if abs(difference) <= tolerance * abs(published) else "differs"
    return {
        **{name: ours[name] for name in (*SHARED, "evaluation", "metric")},
        "value": ours["mean"],
        **{name: ours[name] for name in ("draws", "sd", "min", "max")},
        "published": published,
        "source": figure.texts["source"],
        "difference": difference,
        "relative_difference": difference / abs(published) if published else None,
        "tolerance": tolerance,
        "verdict": verdict if ours["weights"] == "official" else "not comparable",
        "note": {"official": "", "seeded": SEEDED_NOTE}.get(ours["weights"], _OWN_NOTE),
    }
