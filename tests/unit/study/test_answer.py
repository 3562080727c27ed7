"""What a report says first."""

from __future__ import annotations

from typing import Any

from fad_study.report.answer import headlines, rank_overviews, ranking_tables, warnings
from small_study import distance


def ranked(evaluation: str, rank: int, letters: str, **others: Any) -> dict[str, Any]:
    row = distance("real", evaluation, float(rank), "official")
    return row | {"rank": rank, "letters": letters, "ranked_by": "value"} | others


def test_the_first_system_is_named_with_those_that_cannot_be_told_apart() -> None:
    rows = [ranked("a", 1, "ab"), ranked("b", 2, "b"), ranked("c", 3, "c")]
    rows += [ranked("c", 1, "", model="clap"), ranked("a", 1, "a", metric="kad")]
    first, second = headlines(rows)
    assert (first["best"]["evaluation"], first["like"], first["others"]) == ("a", ["b"], 2)
    assert first["tested"] == 2
    assert (second["model"], second["tested"], second["like"]) == ("clap", 0, [])
    (untested,) = headlines([ranked("a", 1, "a"), ranked("b", 2, "b"), ranked("c", 3, "")])
    assert (untested["tested"], untested["others"], untested["like"]) == (1, 2, [])
    assert headlines([]) == []


def test_a_rank_by_a_value_that_is_not_corrected_says_why() -> None:
    rows = [ranked("a", 1, "", corrected=0.5), ranked("b", 2, "", corrected=0.7)]
    assert headlines(rows)[0]["uncorrected"] == "all systems have the same number of vectors"
    by_corrected = [row | {"ranked_by": "corrected"} for row in rows]
    assert not headlines(by_corrected)[0]["uncorrected"]
    assert not headlines([ranked("a", 1, ""), ranked("b", 2, "")])[0]["uncorrected"]


def test_places_by_all_models_and_metrics_stand_beside_each_other() -> None:
    rows = [ranked("a", 1, "a"), ranked("b", 2, "b"), ranked("b", 1, "a", model="clap", corrected=0.5)]
    (overview,) = rank_overviews(rows)
    assert overview["orders"] == [("FAD", "vggish"), ("FAD", "clap")]
    (a, (one, missing)), (b, both) = overview["lines"]
    assert (a, b) == ("a", "b") and one["rank"] == 1 and missing is None
    assert [row["rank"] for row in both] == [2, 1]
    (table,) = ranking_tables(rows)
    assert table["corrected"] and table["letters"] and not table["ci_low"] and not table["references"]


def test_remarks_of_the_most_distances_come_first_and_numbers_do_not_part_them() -> None:
    seeded = "seeded weights: not a published model, not comparable with published values"
    rows = [
        distance("a", "b", 1.0, "seeded", note=f"{seeded}; few files; 15 points, R² 0.5"),
        distance("a", "c", 1.0, "seeded", note=f"{seeded}; few files; 14 points, R² 0.25"),
        distance("a", "b", 1.0, "seeded", note=f"{seeded}; few files", metric="kad"),
        distance("a", "c", 1.0, "seeded", note="cut short at 3 s", metric="kad"),
    ]
    listed, more = warnings(rows)
    assert listed == [
        ("few files", "3 of 4 distances"),
        ("… points, R² …", "all distances, FAD by vggish"),
        ("cut short at 3 s", "1 of 2 distances, KAD by vggish"),
    ]
    assert more == 0
    assert warnings([distance("a", "b", 1.0, "seeded", note="; ".join("abcdefghij"))])[1] == 2
