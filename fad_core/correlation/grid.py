"""The two tables that are correlated, as arrays over the same systems and categories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import FadError
from fad_core.tables.given import GivenRow, named, read_given, require_unique

_PAIR = ("system", "category")
_FEWEST_SYSTEMS = 3


@dataclass(frozen=True)
class Grid:
    """One number for each of its keys (embeddings or criteria), systems and categories.

    Attributes:
        path: of the table.
        kind: what a key is: "embedding" or "criterion".
        keys: K names.
        systems: S names.
        categories: C names.
        values: `[K, S, C]`.
        lines: where each value stands in the file, `[K, S, C]`.
    """

    path: Path
    kind: str
    keys: tuple[str, ...]
    systems: tuple[str, ...]
    categories: tuple[str, ...]
    values: NDArray[np.float64]
    lines: NDArray[np.int64]


def read_grids(distances: Path, ratings: Path) -> tuple[Grid, Grid]:
    """Read a table of distances and one of ratings, of the same systems and categories.

    Args:
        distances: CSV with the columns embedding, system, category, fad.
        ratings: CSV with the columns criterion, system, category, mos.

    Returns:
        Distances by embedding, and ratings by criterion; both in the order in which the distances name
        systems and categories.

    Raises:
        FadError: a table lacks a column, has a row twice or not at all, or fewer than three systems.
    """
    tables = {
        "embedding": read_given(distances, ("embedding", *_PAIR), ("fad",)),
        "criterion": read_given(ratings, ("criterion", *_PAIR), ("mos",)),
    }
    for kind, rows in tables.items():
        require_unique(rows, (kind, *_PAIR))
    everything = [row for rows in tables.values() for row in rows]
    systems = _names(everything, "system")
    categories = _names(everything, "category")
    if len(systems) < _FEWEST_SYSTEMS:
        raise FadError(
            f"{distances}: {len(systems)} systems ({', '.join(systems)}): correlations over systems need "
            f"at least {_FEWEST_SYSTEMS}"
        )
    first, second = (_grid(kind, rows, systems, categories, everything) for kind, rows in tables.items())
    return first, second


def _names(rows: Iterable[GivenRow], column: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.texts[column] for row in rows))


def _grid(
    kind: str,
    rows: Sequence[GivenRow],
    systems: tuple[str, ...],
    categories: tuple[str, ...],
    everything: Sequence[GivenRow],
) -> Grid:
    path = rows[0].path
    keys = _names(rows, kind)
    cells = {(row.texts[kind], *(row.texts[name] for name in _PAIR)): row for row in rows}
    missing = [
        (key, system, category)
        for key in keys
        for system in systems
        for category in categories
        if (key, system, category) not in cells
    ]
    if missing:
        raise FadError(_missing_text(path, kind, missing, everything))
    shape = (len(keys), len(systems), len(categories))
    ordered = [cells[key, system, category] for key in keys for system in systems for category in categories]
    values = np.array([next(iter(row.numbers.values())) for row in ordered], dtype=np.float64)
    lines = np.array([row.line for row in ordered], dtype=np.int64)
    return Grid(path, kind, keys, systems, categories, values.reshape(shape), lines.reshape(shape))


def _missing_text(
    path: Path, kind: str, missing: Sequence[tuple[str, str, str]], everything: Sequence[GivenRow]
) -> str:
    first = missing[0]
    witness = [row for row in everything if tuple(row.texts[name] for name in _PAIR) == first[1:]]
    why = f"which {witness[0].place} has" if witness else "though others have that system and that category"
    more = f" (and {len(missing) - 1} more rows are missing)" if len(missing) > 1 else ""
    return f"{path}: no row for {named((kind, *_PAIR), first)}, {why}{more}"
