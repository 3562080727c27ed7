"""Does a distance grow with the level of a distortion? Of each series of data sets, by each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from scipy.stats import spearmanr

from fad_core.metrics import get_metric

Row = Mapping[str, Any]

_NONE: Row = {"spearman": None, "inversions": 0, "levels": 0}
_KEY = ("model", "weights", "weights_sha256", "metric", "reference", "series")


def monotonicity_rows(curves: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield rows of `fad_study.schemas.curves.MONOTONICITY`.

    Args:
        curves: rows of a CURVES table, whose levels are in the order of increasing distortion.
    """
    of_series: dict[tuple[Any, ...], list[Row]] = {}
    for row in curves:
        if row["series"]:
            of_series.setdefault(tuple(row[name] for name in _KEY), []).append(row)
    for key, rows in of_series.items():
        sign = -1 if get_metric(rows[0]["metric"]).higher_is_better else 1
        values = [sign * row["value"] for row in rows]
        constant = len(set(values)) < 2
        yield {
            **dict(zip(_KEY, key, strict=True)),
            "levels": len(rows),
            "spearman": None if constant else float(spearmanr(range(len(values)), values).statistic),
            "inversions": sum(after < before for before, after in pairwise(values)),
        }


def monotonicity_columns(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the columns of a table that has a row for each series: one a model, metric and reference.

    Args:
        rows: of MONOTONICITY tables.

    Returns:
        The title of each column, and its rows by series; columns that lack a series have an empty row.
    """
    names = dict.fromkeys(row["series"] for row in rows)
    references = {row["reference"] for row in rows}
    columns: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        key = (row["metric"], row["model"], row["reference"])
        columns.setdefault(key, dict.fromkeys(names, _NONE))[row["series"]] = row
    return [
        {
            "title": f"{get_metric(metric).label}, {model}{f', {to}' if len(references) > 1 else ''}",
            "series": found,
        }
        for (metric, model, to), found in columns.items()
    ]
