"""Systems and categories: of a study's data sets, and of tables of listeners' ratings.

Correlations need every system once in every category, and at least three systems. The tables that are
correlated and the data sets of a study pass one check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_study.user_csv import UserRow, label, read_user_csv

PAIR = ("system", "category")
GLOBAL = "global"
SYSTEM_MEANS = "system_means"
CATEGORY_MEAN = "category_mean"
POOLS = (GLOBAL, SYSTEM_MEANS, CATEGORY_MEAN)
"""What the column of categories has for correlations over all categories; no category may be called so."""

_MIN_SYSTEMS = 3


@dataclass(frozen=True)
class RatingCell:
    """One row of a table, or one data set, which has a system and a category.

    Attributes:
        key: texts that identify it; the last two are system and category.
        place: where it stands in its source: "line 2", or the data set's name.
    """

    key: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class RatingCells:
    """All cells of one source.

    Attributes:
        source: what messages call it: the table's path, or a key of the configuration.
        noun: what messages call one cell: "row".
        columns: what the texts of a key are.
        cells: in the source's order.
    """

    source: str
    noun: str
    columns: tuple[str, ...]
    cells: Sequence[RatingCell]


def read_ratings(path: Path) -> list[UserRow]:
    """Read a table of listeners' ratings: CSV with the columns criterion, system, category, mos.

    Raises:
        FadError: the file cannot be read, or is not such a table.
    """
    return read_user_csv(path, ("criterion", *PAIR), ("mos",))


def cells_of_table(rows: Sequence[UserRow], kind: str) -> RatingCells:
    """Return the cells of a table.

    Args:
        rows: of the table.
        kind: name of the column beside system and category: "criterion" or "embedding".
    """
    columns = (kind, *PAIR)
    cells = [RatingCell(tuple(row.texts[name] for name in columns), f"line {row.line}") for row in rows]
    return RatingCells(str(rows[0].path), "row", columns, cells)


def systems_of(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return (system, category) of the data sets that have them, by name.

    Args:
        datasets: the entries of a configuration.
    """
    # Stripped as the texts of a table are.
    return {
        name: (entry["system"].strip(), entry["category"].strip())
        for name, entry in datasets.items()
        if "system" in entry
    }


def evaluated(
    systems: Mapping[str, tuple[str, str]], pairs: Iterable[tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Return those of `systems_of` that are compared with a reference; the others are references themselves.

    Args:
        systems: (system, category) by name.
        pairs: (reference, evaluation), names of data sets.
    """
    names = {evaluation for _, evaluation in pairs}
    return {name: place for name, place in systems.items() if name in names}


def cells_of_sets(sets: Mapping[str, tuple[str, str]]) -> RatingCells:
    """Return the cells of a study's data sets, given (system, category) by name."""
    return RatingCells("datasets", "data set", PAIR, [RatingCell(each, name) for name, each in sets.items()])


def systems_and_categories(tables: Iterable[RatingCells]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all systems and all categories, in the order of their first appearance."""
    pairs = [cell.key[-2:] for table in tables for cell in table.cells]
    return tuple(dict.fromkeys(pair[0] for pair in pairs)), tuple(dict.fromkeys(pair[1] for pair in pairs))


def validate_cells(tables: Sequence[RatingCells]) -> Iterator[str]:
    """Yield a message for each reason why tables cannot be correlated with each other.

    Args:
        tables: those that are correlated; or one, which is then checked by itself.
    """
    for table in tables:
        yield from repeated_cells(table)
    systems, categories = systems_and_categories(tables)
    source = tables[0].source
    reserved = sorted(set(POOLS) & set(categories))
    if reserved:
        yield f"{source}: a category must not be called {', '.join(reserved)}: choose another name"
    if len(systems) < _MIN_SYSTEMS:
        plural = "s" if len(systems) != 1 else ""
        yield (
            f"{source}: {len(systems)} system{plural} ({', '.join(systems)}): correlations over systems need "
            f"at least {_MIN_SYSTEMS}: add others"
        )
    first_place: dict[tuple[str, ...], str] = {}
    for table in tables:
        for cell in table.cells:
            first_place.setdefault(cell.key[-2:], f"{table.source}, {cell.place}")
    for table in tables:
        yield from _missing(table, systems, categories, first_place)


def repeated_cells(table: RatingCells) -> Iterator[str]:
    """Yield a message for each cell that a source has twice."""
    seen: dict[tuple[str, ...], str] = {}
    for cell in table.cells:
        first = seen.setdefault(cell.key, cell.place)
        if first != cell.place:
            yield (
                f"{table.source}, {cell.place}: {label(table.columns, cell.key)} is in {first} already: "
                "remove or correct one"
            )


def _missing(
    table: RatingCells,
    systems: Sequence[str],
    categories: Sequence[str],
    first_place: Mapping[tuple[str, ...], str],
) -> Iterator[str]:
    """Yield one message for all missing cells of a source, which names the first of them."""
    present = {cell.key for cell in table.cells}
    keys = dict.fromkeys(cell.key[:-2] for cell in table.cells)
    wanted = [(*key, system, category) for key in keys for system in systems for category in categories]
    missing = [key for key in wanted if key not in present]
    if not missing:
        return
    elsewhere = first_place.get(missing[0][-2:])
    why = f"which {elsewhere} has" if elsewhere else "though others have that system and that category"
    rest = len(missing) - 1
    others = f"{table.noun}s are" if rest > 1 else f"{table.noun} is"
    more = f" (and {rest} more {others} missing)" if rest else ""
    yield (
        f"{table.source}: no {table.noun} for {label(table.columns, missing[0])}, {why}{more}: add what is "
        "missing, or leave out that system or that category everywhere"
    )
