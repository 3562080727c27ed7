"""Systems and categories of what is correlated: each system once in each category, three systems at least.

One check for the tables that are correlated and for the data sets of a study that such a table will be of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fad_study.user_csv import GivenRow, named, read_given

PAIR = ("system", "category")
GLOBAL = "global"
SYSTEM_MEANS = "system_means"
"""What the pools are called in the column of categories."""

_FEWEST_SYSTEMS = 3


@dataclass(frozen=True)
class Cells:
    """What has a system and a category each: the rows of a table, or data sets.

    Attributes:
        source: what messages call all of them: the table's path.
        noun: what messages call one: "row".
        columns: what tells them apart; the last two are system and category.
        places: the texts of these columns, and where in the source they stand: "line 2".
    """

    source: str
    noun: str
    columns: tuple[str, ...]
    places: Sequence[tuple[tuple[str, ...], str]]


def read_ratings(path: Path) -> list[GivenRow]:
    """A table of listeners' ratings: CSV with the columns criterion, system, category, mos.

    Raises:
        FadError: it cannot be read, or is no such table.
    """
    return read_given(path, ("criterion", *PAIR), ("mos",))


def cells_of_table(rows: Sequence[GivenRow], kind: str) -> Cells:
    """Those of a table that has every system and category for each of a kind."""
    columns = (kind, *PAIR)
    places = [(tuple(row.texts[name] for name in columns), f"line {row.line}") for row in rows]
    return Cells(str(rows[0].path), "row", columns, places)


def cells_of_sets(sets: Mapping[str, tuple[str, str]]) -> Cells:
    """Those of a study's data sets: (system, category) by name."""
    # As a table's texts are read.
    places = [((system.strip(), category.strip()), name) for name, (system, category) in sets.items()]
    return Cells("correlations.sets", "data set", PAIR, places)


def names_of(tables: Iterable[Cells]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All systems, and all categories, in the order in which they are first named."""
    pairs = [key[-2:] for cells in tables for key, _ in cells.places]
    return tuple(dict.fromkeys(pair[0] for pair in pairs)), tuple(dict.fromkeys(pair[1] for pair in pairs))


def faults_of_cells(tables: Sequence[Cells]) -> Iterator[str]:
    """What keeps tables from being correlated with each other; of a single one, with any."""
    for cells in tables:
        yield from _doubled(cells)
    systems, categories = names_of(tables)
    source = tables[0].source
    taken = sorted({GLOBAL, SYSTEM_MEANS} & set(categories))
    if taken:
        yield f"{source}: a category must not be called {', '.join(taken)}: choose another name"
    if len(systems) < _FEWEST_SYSTEMS:
        plural = "s" if len(systems) != 1 else ""
        yield (
            f"{source}: {len(systems)} system{plural} ({', '.join(systems)}): correlations over systems need "
            f"at least {_FEWEST_SYSTEMS}: add others"
        )
    witnesses: dict[tuple[str, ...], str] = {}
    for cells in tables:
        for key, place in cells.places:
            witnesses.setdefault(key[-2:], f"{cells.source}, {place}")
    for cells in tables:
        yield from _missing(cells, systems, categories, witnesses)


def _doubled(cells: Cells) -> Iterator[str]:
    seen: dict[tuple[str, ...], str] = {}
    for key, place in cells.places:
        first = seen.setdefault(key, place)
        if first != place:
            yield (
                f"{cells.source}, {place}: {named(cells.columns, key)} is in {first} already: "
                "remove or correct one"
            )


def _missing(
    cells: Cells, systems: Sequence[str], categories: Sequence[str], witnesses: Mapping[tuple[str, ...], str]
) -> Iterator[str]:
    """What is missing, all of a source in one line."""
    there = {key for key, _ in cells.places}
    keys = dict.fromkeys(key[:-2] for key, _ in cells.places)
    wanted = [(*key, system, category) for key in keys for system in systems for category in categories]
    missing = [key for key in wanted if key not in there]
    if not missing:
        return
    witness = witnesses.get(missing[0][-2:])
    why = f"which {witness} has" if witness else "though others have that system and that category"
    rest = len(missing) - 1
    others = f"{cells.noun}s are" if rest > 1 else f"{cells.noun} is"
    more = f" (and {rest} more {others} missing)" if rest else ""
    yield (
        f"{cells.source}: no {cells.noun} for {named(cells.columns, missing[0])}, {why}{more}: add what is "
        "missing, or leave out that system or that category everywhere"
    )
