"""Labels of data sets: what tables for people and figures call them, in place of their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fad_core.metrics.frechet import BIAS_NOTES
from fad_core.util.formatting import remarks_of

Row = Mapping[str, Any]
Labels = Mapping[str, str]
"""Labels by the names of data sets."""

_COLUMNS = ("reference", "evaluation", "dataset", "first", "second")


def labels_of(datasets: Iterable[Row]) -> dict[str, str]:
    """Return the labels in the rows of a DATASETS table."""
    return {row["dataset"]: row["label"] for row in datasets}


def labelled(rows: Iterable[Row], labels: Labels) -> list[dict[str, Any]]:
    """Return rows with labels in place of the names of data sets, also where a note begins with one.

    Args:
        rows: of any table with columns of names of data sets.
        labels: what is not among them keeps its name.
    """
    found = []
    for row in rows:
        names = {row[column]: labels.get(row[column], row[column]) for column in _COLUMNS if column in row}
        changed = {column: names[row[column]] for column in _COLUMNS if column in row}
        if "note" in row:
            changed["note"] = "; ".join(_remark(remark, names) for remark in remarks_of(row["note"]))
        found.append({**row, **changed})
    return found


def labelled_groups(groups: Mapping[str, Sequence[str]], labels: Labels) -> dict[str, list[str]]:
    """Return groups of data sets with labels in place of their names."""
    return {group: [labels.get(name, name) for name in names] for group, names in groups.items()}


def _remark(remark: str, names: Labels) -> str:
    """Return a remark with the label of the set whose name it begins with."""
    for name, label in names.items():
        # As `fad_core.embedding.distances` writes the name of a set; notes on the bias name a side instead.
        head, rest = f"{name.replace(';', ',')}: ", remark.partition(": ")[2]
        if remark.startswith(head) and not rest.startswith(tuple(BIAS_NOTES)):
            return f"{label.replace(';', ',')}: {remark.removeprefix(head)}"
    return remark
