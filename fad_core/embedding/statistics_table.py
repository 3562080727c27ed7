"""Statistics as rows of the STATISTICS table.

Apart from the package, which every step imports: an edit of the statistics feeds none but those who use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fad_core.datasets.counts import SetCounts
from fad_core.embedding.facts import counts_to_row
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics


def statistics_to_row(
    statistics: Statistics,
    *,
    model: str,
    weights: str,
    weights_sha256: str,
    settings: str,
    dataset: str,
    counts: SetCounts,
) -> dict[str, Any]:
    """A row of the STATISTICS table; for the meaning of the arguments see there."""
    return {
        "model": model,
        "weights": weights,
        "weights_sha256": weights_sha256,
        "settings": settings,
        "dataset": dataset,
        "n": statistics.n,
        "dimension": statistics.dimension,
        "mean": statistics.mean,
        "factor": statistics.factor.reshape(-1),
        **counts_to_row(counts),
    }


def statistics_from_row(row: Mapping[str, Any]) -> Statistics:
    """The statistics in a row of the STATISTICS table, bit for bit as they went in.

    Raises:
        FadError: the row's parts do not fit together.
    """
    dimension = row["dimension"]
    try:
        return Statistics(row["n"], row["mean"], row["factor"].reshape(dimension, dimension))
    except ValueError as error:
        raise FadError(
            f"the statistics of {row['dataset']} by {row['model']} are not usable ({error}): "
            "delete their table and run again"
        ) from error
