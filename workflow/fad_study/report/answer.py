"""What a report says first: who is nearest to the reference, how sure that is, and what to beware of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.metrics import get_metric
from fad_core.util.formatting import remarks_of

Row = Mapping[str, Any]

_REMARKS = 8
"""Remarks that the first page lists; the others stand below the distances."""
_HEADLINES = 3
"""References whose nearest systems are named."""


def headlines(ranking: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the best system of each reference and model by the study's first metric, if they are ranked.

    Args:
        ranking: rows of a RANKING table, with labels in place of names.
    """
    found = []
    for reference in list(dict.fromkeys(row["reference"] for row in ranking))[:_HEADLINES]:
        metric = next(row["metric"] for row in ranking if row["reference"] == reference)
        groups: dict[str, list[Row]] = {}
        for row in ranking:
            if (row["reference"], row["metric"]) == (reference, metric):
                groups.setdefault(row["model"], []).append(row)
        for model, rows in groups.items():
            best, *others = rows
            like = [row["evaluation"] for row in others if set(row["letters"]) & set(best["letters"])]
            found.append(
                {
                    "reference": reference,
                    "model": model,
                    "label": get_metric(metric).label,
                    "highest": get_metric(metric).higher_is_better,
                    "best": None if best["rank"] is None else best,
                    "seeded": best["weights"] == "seeded",
                    "like": like,
                    # Those that a test compares with it: a system without letters was not tested.
                    "tested": sum(bool(row["letters"]) for row in others) if best["letters"] else 0,
                    "others": len(others),
                    "uncorrected": _uncorrected(rows),
                }
            )
    return found


def _uncorrected(rows: Sequence[Row]) -> str:
    """Return why systems are ranked by their values, though the best has a corrected one, or ""."""
    if rows[0]["ranked_by"] == "corrected" or rows[0]["corrected"] is None:
        return ""
    return "all systems have the same number of vectors"


def rank_overviews(ranking: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield for each reference the ranks of all systems by all models and metrics.

    Args:
        ranking: rows of a RANKING table, with labels in place of names.
    """
    for reference in dict.fromkeys(row["reference"] for row in ranking):
        rows = [row for row in ranking if row["reference"] == reference]
        orders = list(dict.fromkeys((row["metric"], row["model"]) for row in rows))
        cells = {(row["evaluation"], row["metric"], row["model"]): row for row in rows}
        systems = list(dict.fromkeys(row["evaluation"] for row in rows))
        yield {
            "reference": reference,
            "orders": [(get_metric(metric).label, model) for metric, model in orders],
            "unranked": any(row["rank"] is None for row in rows),
            "lines": [(name, [cells.get((name, *order)) for order in orders]) for name in systems],
        }


def ranking_tables(ranking: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield for each metric its ranks, by all models.

    Args:
        ranking: rows of a RANKING table, with labels in place of names.
    """
    for metric in dict.fromkeys(row["metric"] for row in ranking):
        rows = [row for row in ranking if row["metric"] == metric]
        yield {
            "metric": metric,
            "label": get_metric(metric).label,
            "title": get_metric(metric).title,
            "rows": rows,
            "references": len({row["reference"] for row in rows}) > 1,
            **{
                name: any(row[name] not in (None, "") for row in rows)
                for name in ("corrected", "ci_low", "letters")
            },
        }


def agreements(rows: Sequence[Row]) -> Iterator[tuple[str, list[str], list[list[float | None]]]]:
    """Yield each reference, the orders by models and metrics, and the matrix of their rank correlations.

    Args:
        rows: of an AGREEMENT table, with labels in place of names.
    """
    for reference in dict.fromkeys(row["reference"] for row in rows):
        cells: dict[tuple[str, str], float | None] = {}
        for row in rows:
            if row["reference"] == reference:
                first, second = (f"{row[f'{k}_model']} {row[f'{k}_metric']}" for k in ("first", "second"))
                cells |= {(first, second): row["kendall"], (second, first): row["kendall"]}
        orders = list(dict.fromkeys(first for first, _ in cells))
        yield reference, orders, [[1.0 if a == b else cells[a, b] for b in orders] for a in orders]


def warnings(distances: Sequence[Row]) -> tuple[list[tuple[str, str]], int]:
    """Return the remarks of the most distances, each with what it applies to, and the number of the others.

    Remarks that differ in numbers alone are one. That on seeded weights is not listed: it has a banner.

    Args:
        distances: rows of a DISTANCES table.
    """
    texts: dict[str, str] = {}
    places: dict[str, list[Row]] = {}
    for row in distances:
        for remark in dict.fromkeys(remarks_of(row["note"])):
            if remark != SEEDED_NOTE:
                kind = re.sub(r"(?<![\w.])\d+(\.\d+)?(?![\w.]*[a-z])", "…", remark)
                texts[kind] = remark if texts.get(kind, remark) == remark else kind
                places.setdefault(kind, []).append(row)
    totals = Counter((row["metric"], row["model"]) for row in distances)
    ordered = sorted(places, key=lambda kind: -len(places[kind]))
    listed = [(texts[kind], _scope(places[kind], totals)) for kind in ordered[:_REMARKS]]
    return listed, len(ordered) - len(listed)


def _scope(rows: Sequence[Row], totals: Mapping[tuple[str, str], int]) -> str:
    """Return what rows of distances are of: metrics, models and how many of their pairs."""
    keys = {(row["metric"], row["model"]) for row in rows}
    pairs = {(row["metric"], row["model"], row["reference"], row["evaluation"]) for row in rows}
    total = sum(totals[key] for key in keys)
    share = "all" if len(pairs) == total else f"{len(pairs)} of {total}"
    noun = "distances" if all(get_metric(name).needs_reference for name, _ in keys) else "values"
    if len(keys) == len(totals):
        return f"{share} {noun}"
    names = [get_metric(name).label for name in dict.fromkeys(row["metric"] for row in rows)]
    models = list(dict.fromkeys(row["model"] for row in rows))
    return f"{share} {noun}, {', '.join(names)} by {', '.join(models)}"
