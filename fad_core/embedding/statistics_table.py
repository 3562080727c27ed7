"""Embedded sets as rows of the STATISTICS table, one for each output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.facts import LARGEST_DIMENSION, counts_from_row, counts_to_row
from fad_core.metrics.file_group import FileGroup
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey
from fad_core.tables.schemas import COUNTS

_UNCOUNTED: Mapping[str, Any] = {
    **dict.fromkeys(column.name for column in COUNTS),
    "rates": "",
    "sounds": np.empty(0, dtype=np.int64),
}
"""The counts of a set whose files are not known."""


def set_to_rows(embedded: EmbeddedSet) -> list[dict[str, Any]]:
    """Return rows of the STATISTICS table."""
    return [
        {
            **asdict(embedded.key),
            "dataset": embedded.name,
            "output": output,
            "n": statistics.n,
            "dimension": statistics.dimension,
            "mean": statistics.mean,
            "factor": statistics.factor.reshape(-1),
            **_groups_to_row(statistics),
            **(counts_to_row(embedded.counts) if embedded.counts else _UNCOUNTED),
        }
        for output, statistics in embedded.statistics.items()
    ]


def set_from_rows(rows: Sequence[Mapping[str, Any]]) -> EmbeddedSet:
    """Return the set from rows that `set_to_rows` made, bit for bit.

    Args:
        rows: of one set by one model.

    Raises:
        ValueError: the rows' parts do not fit together.
    """
    first = rows[0]
    key = ModelKey(*(first[field.name] for field in fields(ModelKey)))
    statistics = {row["output"]: _statistics(row) for row in rows}
    if len(statistics) < len(rows):
        raise ValueError("an output has two rows")
    counts = None if first["files"] is None else counts_from_row(first)
    return EmbeddedSet(first["dataset"], key, statistics, counts)


def require_dimension(dimension: int) -> None:
    """Refuse a number of dimensions whose square would fill the memory.

    Raises:
        ValueError: it is none, or larger than any model's.
    """
    if not 1 <= dimension <= LARGEST_DIMENSION:
        raise ValueError(f"{dimension} dimensions; expected 1 to {LARGEST_DIMENSION}")


def _statistics(row: Mapping[str, Any]) -> Statistics | MeanCovariance:
    dimension = row["dimension"]
    require_dimension(dimension)
    if row["factor"].size != dimension * dimension:
        raise ValueError(f"a factor of {row['factor'].size} numbers does not fit {dimension} dimensions")
    factor = row["factor"].reshape(dimension, dimension)
    if row["n"] is None:
        return MeanCovariance(row["mean"], factor)
    return Statistics(row["n"], row["mean"], factor, _groups_from_row(row, dimension))


def _groups_to_row(statistics: Statistics | MeanCovariance) -> dict[str, Any]:
    """Return the columns of the groups of files; empty lists if there are none."""
    groups = statistics.groups if isinstance(statistics, Statistics) else ()
    return {
        "group_n": np.array([group.n for group in groups], dtype=np.int64),
        "group_files": np.array([group.files for group in groups], dtype=np.int64),
        "group_means": np.concatenate([np.empty(0), *(group.mean for group in groups)]),
        "group_rows": np.concatenate([np.empty(0), *(group.rows.reshape(-1) for group in groups)]),
    }


def _groups_from_row(row: Mapping[str, Any], dimension: int) -> tuple[FileGroup, ...]:
    counts = [int(n) for n in row["group_n"]]
    heights = [min(n - 1, dimension) for n in counts]
    complete = len(row["group_files"]) == len(counts) and row["group_means"].size == len(counts) * dimension
    if any(height < 0 for height in heights) or not complete:
        raise ValueError("the groups of files are not complete")
    if row["group_rows"].size != sum(heights) * dimension:
        raise ValueError("the factors of the groups of files are not complete")
    means, rows = row["group_means"].reshape(-1, dimension), row["group_rows"].reshape(-1, dimension)
    ends = np.cumsum(heights)
    return tuple(
        FileGroup(n, mean.copy(), rows[end - height : end].copy(), int(files))
        for n, mean, height, end, files in zip(counts, means, heights, ends, row["group_files"], strict=True)
    )
