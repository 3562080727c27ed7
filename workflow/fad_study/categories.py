"""Distances of systems by category of sound, and each system's mean over the categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.metrics import get_metric
from fad_core.tables import read_table
from fad_study.ranking import ranked_by
from fad_study.schemas.categories import CATEGORIES, MEAN
from fad_study.user_csv import UserRow

Row = Mapping[str, Any]
Places = Mapping[str, tuple[str, str]]
"""(system, category) of evaluated data sets, by name."""

_TAKEN = ("reference", "evaluation", "value", "corrected", "ci_low", "ci_high", "n_evaluation", "note")
_HEAD = ("model", "weights", "weights_sha256", "settings", "metric", "metric_settings")
_EMPTY = dict.fromkeys(_TAKEN) | {"reference": "", "evaluation": ""}


def category_rows(distances: Sequence[Row], places: Places) -> Iterator[dict[str, Any]]:
    """Yield rows of a CATEGORIES table: of each model and metric, the systems in the order of their means.

    Args:
        distances: rows of a DISTANCES table.
        places: the data sets to take; each is evaluated against one reference.
    """
    systems, categories = (list(dict.fromkeys(names)) for names in zip(*places.values(), strict=True))
    of_systems = [row for row in distances if row["evaluation"] in places]
    for head, rows in _by_model_and_metric(of_systems):
        cells = {places[row["evaluation"]]: row for row in rows}
        lines = {system: [cells.get((system, category)) for category in categories] for system in systems}
        means = {system: _mean(line, categories) for system, line in lines.items()}
        with_mean = [lines[name] for name, mean in means.items() if mean["value"] is not None]
        by = ranked_by(*([row for row in column if row] for column in zip(*with_mean, strict=True)))
        sign = -1 if get_metric(head["metric"]).higher_is_better else 1
        scores = {name: sign * mean[by] for name, mean in means.items() if mean["value"] is not None and by}
        for system in sorted(systems, key=lambda name: (name not in scores, scores.get(name, 0))):
            rank = 1 + sum(other < scores[system] for other in scores.values()) if system in scores else None
            shared = {**{name: head[name] for name in _HEAD}, "system": system, "rank": rank, "ranked_by": by}
            for category, row in zip(categories, lines[system], strict=True):
                missing = _EMPTY | {"note": f"{system} has no data set of this category"}
                taken = {name: row[name] for name in _TAKEN} if row else missing
                yield {**shared, "category": category, **taken}
            yield {**shared, "category": MEAN, **means[system]}


def _mean(line: Sequence[Row | None], categories: Sequence[str]) -> dict[str, Any]:
    """Return the unweighted mean of a system's values, or why it has none."""
    found = {name: _values(line, name) for name in ("value", "corrected")}
    without = [name for name, value in zip(categories, found["value"], strict=True) if value is None]
    note = f"no mean, because there is no value of {', '.join(without)}" if without else ""
    means = {name: None if None in values else sum(values) / len(values) for name, values in found.items()}
    return {**_EMPTY, **means, "note": note}


def _by_model_and_metric(rows: Sequence[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the rows of each model and metric, after the first of them."""
    for model, metric in dict.fromkeys((row["model"], row["metric"]) for row in rows):
        chosen = [row for row in rows if (row["model"], row["metric"]) == (model, metric)]
        yield chosen[0], chosen


def _values(line: Sequence[Row | None], name: str) -> list[Any]:
    return [row[name] if row else None for row in line]


def computed_cells(path: Path) -> list[UserRow]:
    """Return the distances of a study by embedding, system and category, to be correlated with ratings.

    Args:
        path: a CATEGORIES table, as Parquet. An embedding has the name of the model, followed by the metric
            if there are several.

    Returns:
        Rows with the texts embedding, system, category and weights and the number fad; lines are those of the
        CSV table.
    """
    rows = [(line, row) for line, row in enumerate(read_table(CATEGORIES, path), start=2)]
    several = len({row["metric"] for _, row in rows}) > 1
    return [
        UserRow(
            path.with_suffix(".csv"),
            line,
            {
                "embedding": f"{row['model']} {row['metric']}" if several else row["model"],
                **{name: row[name] for name in ("system", "category", "weights")},
            },
            {"fad": row["value"]},
        )
        for line, row in rows
        if row["category"] != MEAN and row["value"] is not None
    ]


def category_tables(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield for each metric and model a table with a line for each system.

    Args:
        rows: of a CATEGORIES table.
    """
    for head, of_one in _by_model_and_metric(rows):
        lines: dict[str, dict[str, Row]] = {}
        for row in of_one:
            lines.setdefault(row["system"], {})[row["category"]] = row
        best = next(iter(lines.values()))[MEAN]
        categories = [row["category"] for row in of_one[: of_one.index(best)]]
        yield {
            "model": head["model"],
            "metric": get_metric(head["metric"]),
            "categories": categories,
            "lines": lines,
            "ranked_by": best["ranked_by"],
            "best": best if best["rank"] == 1 else None,
            "corrected": any(line[MEAN]["corrected"] is not None for line in lines.values()),
            "missing": [line[MEAN] for line in lines.values() if line[MEAN]["value"] is None],
        }
