"""Embedded sets as rows of the STATISTICS table, one for each output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.facts import LARGEST_DIMENSION, counts_from_row, counts_to_row
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey


def set_to_rows(embedded: EmbeddedSet) -> list[dict[str, Any]]:
    """Rows of the STATISTICS table.

    Raises:
        ValueError: only the mean and covariance of the set are known.
    """
    rows = []
    for output, statistics in embedded.statistics.items():
        if not isinstance(statistics, Statistics) or embedded.counts is None:
            raise ValueError(f"{embedded.name}: statistics cannot be made from a mean and a covariance alone")
        rows.append(
            {
                **asdict(embedded.key),
                "dataset": embedded.name,
                "output": output,
                "n": statistics.n,
                "dimension": statistics.dimension,
                "mean": statistics.mean,
                "factor": statistics.factor.reshape(-1),
                **counts_to_row(embedded.counts),
            }
        )
    return rows


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
    return EmbeddedSet(first["dataset"], key, statistics, counts_from_row(first))


def require_dimension(dimension: int) -> None:
    """Refuse a number of dimensions whose square would fill the memory.

    Raises:
        ValueError: it is none, or larger than any model's.
    """
    if not 1 <= dimension <= LARGEST_DIMENSION:
        raise ValueError(f"{dimension} dimensions; expected 1 to {LARGEST_DIMENSION}")


def _statistics(row: Mapping[str, Any]) -> Statistics:
    dimension = row["dimension"]
    require_dimension(dimension)
    if row["factor"].size != dimension * dimension:
        raise ValueError(f"a factor of {row['factor'].size} numbers does not fit {dimension} dimensions")
    return Statistics(row["n"], row["mean"], row["factor"].reshape(dimension, dimension))
