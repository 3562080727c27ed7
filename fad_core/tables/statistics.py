"""Statistics as rows of the STATISTICS table.

Apart from the package, which every step imports: an edit of the statistics feeds none but those who use them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from fad_core.datasets.counts import SetCounts
from fad_core.errors import FadError
from fad_core.statistics import Statistics

_OF_FILES = ("padded", "doubtful", "loud", "silent", "constant")


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


def counts_to_row(counts: SetCounts) -> dict[str, Any]:
    """The columns of the STATISTICS table that say what became of the files."""
    return {
        **asdict(counts),
        "rates": " ".join(f"{rate}:{files}" for rate, files in counts.rates),
        "sounds": np.array(counts.sounds, dtype=np.int64),
    }


def counts_from_row(row: Mapping[str, Any]) -> SetCounts:
    """The counts in a row of the STATISTICS table.

    Raises:
        ValueError: they cannot be counts.
    """
    counts = {field.name: row[field.name] for field in fields(SetCounts)}
    files = counts["files"]
    for name, value in counts.items():
        if name in ("rates", "sounds"):
            continue
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}")
        if name in _OF_FILES and value > files:
            raise ValueError(f"{name} is {value}, of {files} files")
    pairs = [pair.partition(":")[::2] for pair in counts["rates"].split()]
    counts["rates"] = tuple((int(rate), int(number)) for rate, number in pairs)
    if sum(number for _, number in counts["rates"]) > files or len(counts["sounds"]) > files:
        raise ValueError(f"there are more sample rates, or sounds, than the {files} files")
    return SetCounts(**counts)


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
