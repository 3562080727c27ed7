"""Rank the systems that are compared with one reference, and compare the orders of models and metrics."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fad_core.metrics import MetricValue, get_metric
from fad_core.metrics.comparison import PERMUTATIONS, Difference, compare_systems, holm

Row = Mapping[str, Any]

ALPHA = 0.05
"""Adjusted p above which two systems cannot be told apart."""
UNRANKED = (
    "numbers of vectors differ, and the bias of small sets is larger than a value or could not be estimated"
)
"""Why systems have no rank (`ranked_by`)."""

_HEAD = ("model", "weights", "weights_sha256", "settings", "reference", "metric", "metric_settings")


def difference_rows(scored: Sequence[tuple[Row, MetricValue | None]]) -> list[dict[str, Any]]:
    """Compare every two systems by one model and metric with one reference.

    Args:
        scored: rows of a DISTANCES table, all of one model, metric and reference, each with its value.

    Returns:
        Rows of a DIFFERENCES table; none if the metric does not compare systems.
    """
    pairs = list(itertools.combinations(scored, 2))
    # As many as adjusted p-values need.
    permutations = min(max(PERMUTATIONS, 100 * len(pairs) - 1), 99_999)
    found: list[tuple[Row, Row, Difference]] = []
    for (first, one), (second, other) in pairs:
        if one and other and one.system and other.system:
            compared = compare_systems(one.system, other.system, permutations=permutations)
            found.append((first, second, compared))
    tested = [difference.p for _, _, difference in found if difference.p is not None]
    adjusted = iter(holm(tested))
    return [
        {
            **{name: first[name] for name in _HEAD},
            "first": first["evaluation"],
            "second": second["evaluation"],
            "difference": each.difference,
            "ci_low": each.ci_low,
            "ci_high": each.ci_high,
            "p": each.p,
            "p_holm": None if each.p is None else next(adjusted),
            "swapped": "" if each.p is None else "pairs" if each.paired else "files",
            "note": each.note,
        }
        for first, second, each in found
    ]


def ranking_rows(distances: Sequence[Row], differences: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a RANKING table.

    Args:
        distances: rows of a DISTANCES table of the references whose systems are ranked.
        differences: rows of a DIFFERENCES table.
    """
    by_head = _grouped(differences)
    for head, rows in _grouped(distances).items():
        valued = [row for row in rows if row["value"] is not None]
        by = ranked_by(valued)
        sign = -1 if get_metric(rows[0]["metric"]).higher_is_better else 1
        ordered = sorted(valued, key=lambda row: sign * float(row[by])) if by else valued
        letters = _letters([row["evaluation"] for row in ordered], by_head.get(head, []))
        taken = ("evaluation", "value", "corrected", "ci_low", "ci_high", "n_evaluation")
        for row in ordered:
            rank = 1 + sum(sign * other[by] < sign * row[by] for other in ordered) if by else None
            name = row["evaluation"]
            facts = {"rank": rank, "letters": letters[name], "ranked_by": by}
            yield {**dict(zip(_HEAD, head, strict=True)), **facts, **{key: row[key] for key in taken}}


def ranked_by(*compared: Sequence[Row]) -> str:
    """Return the column that systems are ranked by, or "" if they are not ranked, because it would mislead.

    They are ranked by their values if they have the same numbers of vectors, or the metric estimates no bias.
    Otherwise, the value of the smaller set is too large, and they are ranked by corrected values if these can
    be trusted: each is in its interval. That of a distance that cannot be negative is cut at 0, so that a
    bias that is larger than the value is not trusted.

    Args:
        compared: rows of a DISTANCES table by one model and metric, each with a value. Those of one sequence
            are compared with each other.
    """
    rows = list(itertools.chain.from_iterable(compared))
    same_sizes = all(len({row["n_evaluation"] for row in each}) < 2 for each in compared)
    if same_sizes or all(row["corrected"] is None for row in rows):
        return "value"
    trusted = all(
        row["corrected"] is not None
        and row["ci_low"] is not None
        and row["ci_low"] <= row["corrected"] <= row["ci_high"]
        for row in rows
    )
    return "corrected" if trusted else ""


def agreement_rows(ranking: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield the rows of an AGREEMENT table: rank correlations of every two orders of one reference.

    Args:
        ranking: rows of a RANKING table.
    """
    orders: dict[str, dict[tuple[str, str], dict[str, int]]] = {}
    for row in ranking:
        if row["rank"] is None:
            continue
        order = orders.setdefault(row["reference"], {}).setdefault((row["model"], row["metric"]), {})
        order[row["evaluation"]] = row["rank"]
    for reference, of_one in orders.items():
        for (first, one), (second, other) in itertools.combinations(of_one.items(), 2):
            shared = [name for name in one if name in other]
            ranks = [[order[name] for name in shared] for order in (one, other)]
            yield {
                "reference": reference,
                **dict(zip(("first_model", "first_metric"), first, strict=True)),
                **dict(zip(("second_model", "second_metric"), second, strict=True)),
                "systems": len(shared),
                **_rank_correlations(*ranks),
            }


def _grouped(rows: Sequence[Row]) -> dict[tuple[str, ...], list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in _HEAD), []).append(row)
    return groups


def _rank_correlations(one: Sequence[int], other: Sequence[int]) -> dict[str, float | None]:
    from scipy.stats import kendalltau, spearmanr

    if min(len(set(one)), len(set(other))) < 2:
        return {"spearman": None, "kendall": None}
    found = {"spearman": spearmanr(one, other), "kendall": kendalltau(one, other)}
    return {name: round(float(result.statistic), 12) for name, result in found.items()}


def _letters(names: Sequence[str], differences: Sequence[Row]) -> dict[str, str]:
    """Return a compact letter display: systems share a letter unless the test tells them apart.

    By insertion and absorption (Piepho, Journal of Computational and Graphical Statistics 13, 2004). The
    letters follow the order of the names. A system that was not tested has none.
    """
    tested = [row for row in differences if row["p_holm"] is not None]
    if not tested:
        return dict.fromkeys(names, "")
    known = {name for row in tested for name in (row["first"], row["second"])}
    columns = [{name for name in names if name in known}]
    for row in tested:
        if row["p_holm"] <= ALPHA:
            pair = {row["first"], row["second"]}
            split = [column - {name} for column in columns if pair <= column for name in sorted(pair)]
            kept = [column for column in columns if not pair <= column]
            for column in split:
                if not any(column <= other for other in kept):
                    kept = [other for other in kept if not other < column] + [column]
            columns = kept
    columns.sort(key=lambda column: sorted(names.index(name) for name in column))
    letters = {name: "".join(_letter(k) for k, each in enumerate(columns) if name in each) for name in names}
    return letters


def _letter(number: int) -> str:
    """Return a, b, …, z, a1, b1, …"""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[number] if number < len(letters) else f"{letters[number % 26]}{number // 26}"
