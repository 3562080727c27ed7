"""Mean and spread of the distances of data sets that are draws of one experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Row = Mapping[str, Any]

SHARED = ("model", "weights", "weights_sha256", "settings", "reference")


def repeat_rows(distances: Sequence[Row], repeats: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return rows of `fad_study.schemas.papers.REPEATS`.

    Args:
        distances: rows of a DISTANCES table.
        repeats: data sets of each group, by the group's name. Distances from a reference within the group are
            left out.
    """
    rows = []
    for model, metric in dict.fromkeys((row["model"], row["metric"]) for row in distances):
        chosen = [row for row in distances if (row["model"], row["metric"]) == (model, metric)]
        for group, members in repeats.items():
            for drawn in _by_reference(chosen, members):
                values = np.array([row["value"] for row in drawn], dtype=np.float64)
                rows.append(
                    {
                        **{name: drawn[0][name] for name in SHARED},
                        "evaluation": group,
                        "metric": metric,
                        "draws": len(values),
                        "mean": float(values.mean()),
                        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
                        "min": float(values.min()),
                        "max": float(values.max()),
                    }
                )
    return rows


def _by_reference(rows: Sequence[Row], members: Sequence[str]) -> Iterator[list[Row]]:
    for reference in dict.fromkeys(row["reference"] for row in rows if row["reference"] not in members):
        drawn = [row for row in rows if row["reference"] == reference and row["evaluation"] in members]
        if drawn:
            yield drawn
