"""Whether distances grow with the level of a distortion."""

from __future__ import annotations

from typing import Any

import pytest
from fad_study.monotonicity import monotonicity_columns, monotonicity_rows
from fad_study.schemas.curves import MONOTONICITY

from fad_core.tables.values import check_columns

IDENTITY = {"weights": "seeded", "weights_sha256": "5eed"}


def curves(series: str, *values: float, **others: str) -> list[dict[str, Any]]:
    row = {"model": "m", "metric": "fad", "reference": "clean", "series": series, **IDENTITY, **others}
    return [{**row, "level": str(number), "value": value} for number, value in enumerate(values)]


def test_levels_at_which_the_distance_falls_are_counted() -> None:
    rows = [
        *curves("", 9.0),
        *curves("noise", 1, 2, 3, 4),
        *curves("pitch", 1, 3, 2, 4),
        *curves("flat", 1, 1),
    ]
    found = list(monotonicity_rows(rows))
    assert [(row["series"], row["levels"], row["inversions"]) for row in found] == [
        ("noise", 4, 0),
        ("pitch", 4, 1),
        ("flat", 2, 0),
    ]
    assert [row["spearman"] for row in found] == [pytest.approx(1.0), pytest.approx(0.8), None]
    check_columns(MONOTONICITY, found)


def test_where_higher_is_better_a_falling_value_is_monotonic() -> None:
    (row,) = monotonicity_rows(curves("noise", 0.9, 0.5, 0.1, metric="precision"))
    assert (row["spearman"], row["inversions"]) == (pytest.approx(1.0), 0)


def test_a_column_for_each_model_and_metric() -> None:
    rows = list(
        monotonicity_rows([*curves("noise", 1, 2), *curves("noise", 2, 1, model="n"), *curves("pops", 1, 2)])
    )
    first, second = monotonicity_columns(rows)
    assert (first["title"], second["title"]) == ("FAD, m", "FAD, n")
    assert first["series"]["pops"]["spearman"] == pytest.approx(1.0)
    assert second["series"]["pops"]["spearman"] is None
    assert monotonicity_columns([]) == []
