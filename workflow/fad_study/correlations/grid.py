"""The two correlated tables as arrays over the same systems and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import FadError
from fad_study.categories import computed_cells
from fad_study.ratings import PAIR, cells_of_table, read_ratings, systems_and_categories, validate_cells
from fad_study.user_csv import UserRow, read_user_csv


@dataclass(frozen=True)
class Grid:
    """One number for each key (embedding or criterion), system and category.

    Attributes:
        path: path of the table.
        kind: what the keys are: "embedding" or "criterion".
        keys: K names.
        systems: S names.
        categories: C names.
        values: the numbers, `[K, S, C]`.
        lines: line of the file of each number, `[K, S, C]`.
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
        distances: path of a CSV table with the columns embedding, system, category, fad; or of a study's own
            table of categories, as Parquet.
        ratings: path of a CSV table with the columns criterion, system, category, mos.

    Returns:
        Distances by embedding, and ratings by criterion, both with systems and categories in the order of
        the table of distances.

    Raises:
        FadError: a table lacks a column, has a row twice, lacks a row, has fewer than three systems, or has
            a category with the name of a pool.
    """
    tables = {
        "embedding": _read_distances(distances),
        "criterion": read_ratings(ratings),
    }
    cells = [cells_of_table(rows, kind) for kind, rows in tables.items()]
    for error in validate_cells(cells):
        raise FadError(error)
    names = systems_and_categories(cells)
    first, second = (_grid(kind, rows, *names) for kind, rows in tables.items())
    return first, second


def seeded_embeddings(distances: Path) -> frozenset[str]:
    """Return the embeddings by seeded weights; none of a table of the user's, which does not name weights.

    Args:
        distances: path of the table, as `read_grids` has it.
    """
    rows = _read_distances(distances)
    return frozenset(row.texts["embedding"] for row in rows if row.texts.get("weights") == "seeded")


def _read_distances(path: Path) -> list[UserRow]:
    if path.suffix == ".parquet":
        return computed_cells(path)
    return read_user_csv(path, ("embedding", *PAIR), ("fad",))


def _grid(kind: str, rows: Sequence[UserRow], systems: tuple[str, ...], categories: tuple[str, ...]) -> Grid:
    keys = tuple(dict.fromkeys(row.texts[kind] for row in rows))
    cells = {(row.texts[kind], *(row.texts[name] for name in PAIR)): row for row in rows}
    shape = (len(keys), len(systems), len(categories))
    ordered = [cells[key, system, category] for key in keys for system in systems for category in categories]
    values = np.array([next(iter(row.numbers.values())) for row in ordered], dtype=np.float64)
    lines = np.array([row.line for row in ordered], dtype=np.int64)
    return Grid(rows[0].path, kind, keys, systems, categories, values.reshape(shape), lines.reshape(shape))
