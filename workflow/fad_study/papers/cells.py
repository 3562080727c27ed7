"""The distances in a paper's tables, each with its counts of vectors and its remarks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.metrics import Metric
from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.metrics.frechet import BIAS_NOTES
from fad_core.util.formatting import remarks_of
from fad_study.papers.caption_scores import metric_of
from fad_study.papers.layout import Number
from fad_study.ranking import ranked_by

# Notes on the bias begin with the part of the set. A set may be called "reference", too: only these match.
_OF_EITHER = re.compile(f"^(reference|evaluation): (?={'|'.join(map(re.escape, BIAS_NOTES))})")

Row = Mapping[str, Any]
_T = TypeVar("_T")
_U = TypeVar("_U", bound=Hashable)
Key = tuple[str, str, str, str]
"""Model, metric, reference, and evaluated set or group of draws."""

_FILES = {"excluded": "excluded", "padded": "padded with zeros"}
_MARKS = "†‡§¶‖"
_SETS_LISTED = 12
_NO_VALUE = "no value: "
_LETTER = re.compile(r"[a-z][0-9]*")


@dataclass(frozen=True)
class Compared:
    """A number of a table.

    Attributes:
        number: the number as it is shown.
        rows: the rows of a DISTANCES table that it is made from: one, or one for each draw of a group.
    """

    number: Number
    rows: Sequence[Row]

    @property
    def vectors(self) -> str:
        """Numbers of vectors of the reference and of the evaluated set, as in "600 : 60"; of captions one."""
        sides = ["n_reference", "n_evaluation"]
        if self.rows[0]["metric"] == CLAP_SCORE_NAME:
            sides = sides[1:]
        return " : ".join(range_text({row[name] for row in self.rows}) for name in sides)


def key_of(row: Row) -> Key:
    """Return the key of a row of a table of distances, draws or published figures."""
    return row["model"], row["metric"], row["reference"], row["evaluation"]


def both_ways(distances: Sequence[Row]) -> list[Row]:
    """Return the rows of a DISTANCES table, followed by those of symmetric metrics with the sets swapped."""
    listed = set(map(key_of, distances))
    swapped = [_swapped(row) for row in distances if metric_of(row["metric"]).symmetric]
    return [*distances, *(row for row in swapped if key_of(row) not in listed)]


def rows_behind(distances: Iterable[Row], groups: Mapping[str, Sequence[str]]) -> dict[Key, list[Row]]:
    """Return the rows of a DISTANCES table by their keys; rows of draws also by the key of their group.

    Args:
        distances: the rows.
        groups: data sets of each group, by the group's name.
    """
    behind: dict[Key, list[Row]] = {}
    for row in distances:
        model, metric, reference, evaluation = key_of(row)
        containing = [
            name for name, members in groups.items() if evaluation in members and reference not in members
        ]
        for name in (evaluation, *containing):
            behind.setdefault((model, metric, reference, name), []).append(row)
    return behind


def with_best(cells: Mapping[Key, Compared], ranking: Sequence[Row]) -> dict[Key, Compared]:
    """Return the cells with the best of each model, metric and reference marked, and letters.

    Where systems were tested, the best are the first one and all that cannot be told from it, and none is
    marked if that is all of them. Otherwise, they are the smallest or highest (`mark_best`). None is marked
    if the systems are not ranked, or the ranks are not those of the values. A reference itself is no system.

    Args:
        cells: numbers by their keys.
        ranking: rows of a RANKING table. Letters are of all numbers of a model, metric and reference, or of
            none.
    """
    marked = dict(cells)
    ranks = {key_of(row): row for row in ranking}
    for group in dict.fromkeys(key[:3] for key in cells):
        keys = [key for key in cells if key[:3] == group and key[3] != group[2]]
        ranked = [ranks[key] for key in keys if key in ranks]
        if len(ranked) == len(keys) and any(row["letters"] or row["ranked_by"] != "value" for row in ranked):
            numbers = _by_letters([cells[key].number for key in keys], ranked)
        elif ranked_by([row for key in keys for row in cells[key].rows]) != "value":
            continue
        else:
            highest = metric_of(group[1]).higher_is_better
            numbers = mark_best([cells[key].number for key in keys], highest=highest)
        marked |= {key: replace(cells[key], number=number) for key, number in zip(keys, numbers, strict=True)}
    return marked


def _by_letters(numbers: Sequence[Number], ranked: Sequence[Row]) -> list[Number]:
    """Return numbers with the letters of their rows, and the first with its like marked."""
    letters = [_LETTER.findall(row["letters"]) for row in ranked]
    first = {letter for row, own in zip(ranked, letters, strict=True) if row["rank"] == 1 for letter in own}
    best = [row["rank"] == 1 or not first.isdisjoint(own) for row, own in zip(ranked, letters, strict=True)]
    return [
        replace(number, letters=row["letters"], best=each and not all(best))
        for number, row, each in zip(numbers, ranked, best, strict=True)
    ]


def mark_best(column: Sequence[Number], *, highest: bool = False) -> list[Number]:
    """Return numbers with the smallest or highest marked, and all that are displayed like it.

    A single one is not marked.
    """
    if len(column) < 2:
        return list(column)
    shown = {cell.value: cell.text for cell in column}
    best = shown[max(shown) if highest else min(shown)]
    return [replace(cell, best=cell.text == best) for cell in column]


def with_remarks(cells: Mapping[Key, Compared]) -> tuple[dict[Key, Compared], tuple[tuple[str, str], ...]]:
    """Return the cells with a mark for each of their remarks, and all marks with their remarks.

    A remark that all cells have, or all of some metrics and no others, has the mark "".
    """
    found = {key: [*remarks(cell.rows), *_of_files(cell.rows)] for key, cell in cells.items()}
    every = dict.fromkeys(remark for each in found.values() for remark in each)
    scopes = {remark: _scope([key for key in found if remark in found[key]], cells) for remark in every}
    numbered = [remark for remark in every if not scopes[remark]]
    marks = {remark: _mark(number) for number, remark in enumerate(numbered, start=1)}
    marked = {}
    for key, cell in cells.items():
        own = tuple(mark for remark, mark in marks.items() if remark in found[key])
        marked[key] = replace(cell, number=replace(cell.number, marks=own))
    general = [("", f"{scope}: {remark}.") for remark, scope in scopes.items() if scope]
    return marked, (*general, *((mark, remark) for remark, mark in marks.items()))


def _scope(keys: Sequence[Key], cells: Collection[Key]) -> str:
    """Return words for these of all cells, if they are several and all of some metrics; otherwise ""."""
    metrics = list(dict.fromkeys(metric for _, metric, _, _ in keys))
    of_metrics = [key for key in cells if key[1] in metrics]
    if len(keys) < max(2, len(of_metrics)):
        return ""
    whole = len(of_metrics) == len(cells)
    return "All values" if whole else f"All values of {listed([metric_of(name).label for name in metrics])}"


def remarks(rows: Iterable[Row]) -> list[str]:
    """Return the remarks in the notes of distances, each once, without that on seeded weights.

    The caption names seeded weights. A remark on the reference and the same on the evaluated set are merged
    into one: the counts of vectors tell which set it applies to.

    Args:
        rows: of a DISTANCES table.
    """
    found = (
        _OF_EITHER.sub("reference or evaluated set: ", remark)
        for row in rows
        for remark in remarks_of(row["note"])
    )
    return [remark for remark in dict.fromkeys(found) if remark != SEEDED_NOTE]


def _of_files(rows: Iterable[Row]) -> list[str]:
    """Return remarks on sets with excluded or padded files; the methods paragraph has their numbers."""
    rows = list(rows)
    return [
        f"files of these sets were {text}" for key, text in _FILES.items() if any(row[key] for row in rows)
    ]


def split_no_values(distances: Iterable[Row]) -> tuple[list[str], list[str]]:
    """Return sentences on the distances that have no value, and the notes of all without these reasons.

    Args:
        distances: rows of a DISTANCES table, with labels in place of names.
    """
    reasons: dict[tuple[str, str], dict[str, list[str]]] = {}
    notes = []
    for row in distances:
        found = remarks_of(row["note"])
        notes.append("; ".join(remark for remark in found if not remark.startswith(_NO_VALUE)))
        for reason in found:
            if reason.startswith(_NO_VALUE):
                of_reason = reasons.setdefault((row["model"], reason), {})
                of_reason.setdefault(metric_of(row["metric"]).label, []).append(row["evaluation"])
    sentences = []
    for (model, reason), sets in reasons.items():
        by_sets: dict[tuple[str, ...], list[str]] = {}
        for label, found in sets.items():
            by_sets.setdefault(tuple(dict.fromkeys(found)), []).append(label)
        for names, labels in by_sets.items():
            more = len(names) - _SETS_LISTED
            shown = [*names[:_SETS_LISTED], *([f"{more} more"] if more > 0 else [])]
            text = reason.removeprefix(_NO_VALUE)
            sentences.append(f"No value of {listed(labels)} by {model} for {listed(shown)}: {text}.")
    return sentences, notes


def range_text(counts: set[int | None]) -> str:
    """Return a number of vectors, or the smallest and the largest, as in "55–60"; "?" if one is unknown."""
    known = [count for count in counts if count is not None]
    if len(known) < len(counts):
        return "?"
    low, high = min(known), max(known)
    return str(low) if low == high else f"{low}–{high}"


def titled(metric: Metric) -> str:
    """Return the title of a metric, with its abbreviation if it has one."""
    return f"{metric.title} ({metric.label})" if metric.label.isupper() else metric.title


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence, as in "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def by_set(rows: Sequence[Row], counts: Sequence[int]) -> str:
    """Return the numbers of sets; the sets with the commonest number are the others."""
    names = [row["dataset"] for row in rows]
    by_name = dict(zip(names, counts, strict=True))
    groups = [some for some, _ in merged(names, lambda name: str(by_name[name]))]
    if len(groups) == 1:
        return f"{counts[0]} of each"
    others = max(groups, key=len) if max(map(len, groups)) > 1 else []
    named = [f"{by_name[name]} of {name}" for name in names if name not in others]
    if len(named) > _SETS_LISTED:
        return f"{min(counts)} to {max(counts)} of each"
    return ", ".join([*named, *([f"{by_name[others[0]]} of each other"] if others else [])])


def merged(names: Sequence[_T], text: Callable[[_T], _U]) -> list[tuple[list[_T], _U]]:
    """Return the names that have the same text, with this, in the order of the first of them."""
    groups: dict[_U, list[_T]] = {}
    for name in names:
        groups.setdefault(text(name), []).append(name)
    return [(some, text) for text, some in groups.items()]


def _swapped(row: Row) -> Row:
    return {
        **row,
        "reference": row["evaluation"],
        "evaluation": row["reference"],
        "n_reference": row["n_evaluation"],
        "n_evaluation": row["n_reference"],
    }


def _mark(number: int) -> str:
    times, index = divmod(number - 1, len(_MARKS))
    return _MARKS[index] * (times + 1)
