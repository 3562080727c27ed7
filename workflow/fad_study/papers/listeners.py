"""The table of a study's distances by system and category, to be correlated with ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SEEDED = "seeded"


def system_distances(
    distances: Sequence[Mapping[str, Any]], sets: Mapping[str, tuple[str, str]]
) -> list[tuple[str | float, ...]]:
    """Return rows of (embedding, system, category, fad, weights), the first one a heading.

    Args:
        distances: rows of a DISTANCES table. An embedding has the name of the model, followed by the metric
            if there are several.
        sets: (system, category) of data sets, by name; each is evaluated against one reference.
    """
    several = len({row["metric"] for row in distances}) > 1
    return [
        ("embedding", "system", "category", "fad", "weights"),
        *(
            (
                f"{row['model']} {row['metric']}" if several else row["model"],
                *sets[row["evaluation"]],
                row["value"],
                row["weights"],
            )
            for row in distances
            if row["evaluation"] in sets
        ),
    ]
