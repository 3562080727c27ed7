"""Ranks, groups of systems that cannot be told apart, and the agreement of orders."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fad_study.labels import labelled
from fad_study.ranking import agreement_rows, difference_rows, ranking_rows
from fad_study.report.answer import headlines
from fad_study.report.dots import plot_ranking
from fad_study.report.lines import plot_extrapolation
from fad_study.schemas.ranking import AGREEMENT, DIFFERENCES, EXTRAPOLATION, RANKING
from hypothesis import given
from hypothesis import strategies as st

from fad_core.metrics import MetricValue
from fad_core.metrics.frechet_system import FrechetSystem
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.statistics import Statistics
from fad_core.tables import write_table

HEAD = {
    "model": "vggish", "weights": "seeded", "weights_sha256": "00b8" * 16, "settings": "",
    "reference": "real", "metric": "fad", "metric_settings": "",
}  # fmt: skip


def distance(name: str, value: float | None, n: int = 100, **others: Any) -> dict[str, Any]:
    facts = {"corrected": None, "ci_low": None, "ci_high": None, "n_evaluation": n}
    return {**HEAD, "evaluation": name, "value": value, **facts, **others}


def difference(first: str, second: str, p: float | None) -> dict[str, Any]:
    return {**HEAD, "first": first, "second": second, "p_holm": p}


def statistics(seed: int, mean: float) -> Statistics:
    random = np.random.default_rng(seed)
    names = [f"{k}.wav" for k in range(20)]
    return grouped_statistics(((name, random.normal(mean, 1, (10, 2))) for name in names), names)


def test_systems_are_ranked_from_the_best() -> None:
    rows = [distance("b", 2.0), distance("c", 7.0), distance("a", 2.0), distance("none", None)]
    ranked = list(ranking_rows(rows, []))
    assert [(row["evaluation"], row["rank"], row["letters"]) for row in ranked] == [
        ("b", 1, ""),
        ("a", 1, ""),
        ("c", 3, ""),
    ]
    better = [{**row, "metric": "precision"} for row in rows]
    assert [row["evaluation"] for row in ranking_rows(better, [])] == ["c", "b", "a"]


def test_a_system_that_was_not_tested_has_no_letter() -> None:
    rows = [distance(name, 1.0) for name in "abc"]
    ranked = ranking_rows(rows, [difference("a", "b", 0.9), difference("a", "c", None)])
    assert {row["evaluation"]: row["letters"] for row in ranked} == {"a": "a", "b": "a", "c": ""}


def corrected(value: float, low: float | None, high: float | None) -> dict[str, Any]:
    return {"corrected": value, "ci_low": low, "ci_high": high}


def test_sets_of_different_sizes_are_ranked_by_corrected_values() -> None:
    rows = [
        distance("large", 5.0, **corrected(4.0, 3.0, 5.0)),
        distance("small", 9.0, n=10, **corrected(1.0, 0.0, 2.0)),
    ]
    assert [(row["evaluation"], row["ranked_by"]) for row in ranking_rows(rows, [])] == [
        ("small", "corrected"),
        ("large", "corrected"),
    ]
    # A metric that estimates no bias.
    plain = [row | {"corrected": None} for row in rows]
    assert [(row["evaluation"], row["ranked_by"]) for row in ranking_rows(plain, [])] == [
        ("large", "value"),
        ("small", "value"),
    ]


@pytest.mark.parametrize(
    "untrusted",
    [corrected(-352.0, 0.0, 1043.0), corrected(1.0, None, None), {}],
    ids=["larger bias than value", "no interval", "no corrected value"],
)
def test_sets_of_different_sizes_are_not_ranked_by_values_that_cannot_be_trusted(
    untrusted: dict[str, Any], tmp_path: Path
) -> None:
    rows = [
        distance("near", 15.9, n=10, **corrected(12.6, 0.0, 26.3)),
        distance("far", 412.6, n=9, **untrusted),
    ]
    ranked = list(ranking_rows(rows, [difference("near", "far", 0.01)]))
    assert [(row["evaluation"], row["rank"], row["ranked_by"], row["letters"]) for row in ranked] == [
        ("near", None, "", "a"),
        ("far", None, "", "b"),
    ]
    assert not list(agreement_rows([*ranked, *({**row, "metric": "kad"} for row in ranked)]))
    (headline,) = headlines(ranked)
    assert headline["best"] is None
    write_table(RANKING, ranked, tmp_path / "ranking.csv")
    same_sizes = [row | {"n_evaluation": 10} for row in rows]
    assert [row["rank"] for row in ranking_rows(same_sizes, [])] == [1, 2]


@given(st.integers(1, 6), st.data())
def test_systems_share_a_letter_unless_they_are_told_apart(count: int, data: st.DataObject) -> None:
    names = [f"s{k}" for k in range(count)]
    pairs = list(itertools.combinations(names, 2))
    told = {pair: data.draw(st.booleans()) for pair in pairs}
    rows = [difference(*pair, 0.01 if apart else 0.2) for pair, apart in told.items()]
    ranked = ranking_rows([distance(name, float(k)) for k, name in enumerate(names)], rows)
    letters = {row["evaluation"]: set(row["letters"]) for row in ranked}
    for (first, second), apart in told.items():
        assert bool(letters[first] & letters[second]) != apart
    assert not pairs or "a" in letters[names[0]]


def test_every_two_systems_are_compared_and_p_is_adjusted_for_their_number(tmp_path: Path) -> None:
    reference = statistics(0, 0)
    scored = [
        (distance(f"s{k}", 1.0), MetricValue(1.0, system=FrechetSystem.of(reference, statistics(k, mean))))
        for k, mean in ((1, 0.5), (2, 0.5), (3, 2.0))
    ]
    rows = difference_rows(
        [*scored, (distance("other", 1.0), MetricValue(1.0)), (distance("none", None), None)]
    )
    assert [(row["first"], row["second"]) for row in rows] == [("s1", "s2"), ("s1", "s3"), ("s2", "s3")]
    assert rows[0]["p_holm"] == rows[0]["p"] > 0.05
    assert [row["p_holm"] for row in rows[1:]] == [pytest.approx(3 * rows[1]["p"])] * 2
    assert {row["swapped"] for row in rows} == {"pairs"}
    write_table(DIFFERENCES, rows, tmp_path / "differences.csv")
    labels = labelled(rows, {"s1": "one"})
    assert labels[0]["first"] == "one"

    ranked = list(ranking_rows([distance(f"s{k}", float(k)) for k in (1, 2, 3)], rows))
    assert [row["letters"] for row in ranked] == ["a", "a", "b"]
    write_table(RANKING, ranked, tmp_path / "ranking.csv")
    for _ in range(2):
        plot_ranking(ranked, "fad", tmp_path / "fad.svg")
    assert (tmp_path / "fad.svg").read_text(encoding="utf-8").count("</svg>") == 1
    plot_ranking([], "fad", tmp_path / "fad.svg")


def test_lines_through_distances_of_parts_are_drawn(tmp_path: Path) -> None:
    rows = [
        {
            **HEAD,
            "model": model,
            "evaluation": name,
            "n": n,
            "value": 1 + 20 / n + shift,
            "fitted": 1 + 20 / n,
        }
        for model in ("vggish", "clap")
        for name, shift in (("a", 0.1), ("b", 0.0))
        for n in (25, 50, 100)
    ]
    write_table(EXTRAPOLATION, rows, tmp_path / "extrapolation.csv")
    for shown in (rows, []):
        plot_extrapolation(shown, tmp_path / "lines.svg")
        assert (tmp_path / "lines.svg").read_text(encoding="utf-8").count("</svg>") == 1


def test_orders_are_compared() -> None:
    orders = {"vggish": "abcd", "clap": "abdc", "pann-16k": "dcba"}
    rows = [
        {**HEAD, "model": model, "evaluation": name, "rank": place}
        for model, order in orders.items()
        for place, name in enumerate(order, 1)
    ]
    found = {(row["first_model"], row["second_model"]): row for row in agreement_rows(rows)}
    assert found["vggish", "clap"]["kendall"] == pytest.approx(2 / 3)
    assert found["vggish", "clap"]["spearman"] == pytest.approx(0.8)
    assert found["vggish", "pann-16k"]["spearman"] == -1
    assert set(found["vggish", "clap"]) == set(AGREEMENT.names) and found["vggish", "clap"]["systems"] == 4
    equal = [{**row, "rank": 1} for row in rows]
    assert {row["spearman"] for row in agreement_rows(equal)} == {None}
