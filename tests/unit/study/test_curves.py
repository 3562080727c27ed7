"""Curves of distances along series of data sets: their table, and their figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fad_study.report.curves import curve_rows, plot_curves
from fad_study.study import read_study

from fad_core.errors import FadError

SCHEMA = Path(__file__).resolve().parents[3] / "workflow/schemas/config.schema.yaml"
SERIES = {"noisy": ("noise", "−20 dB"), "noisier": ("noise", "0 dB"), "dull": ("low-pass", "4 kHz")}


def distances(*models: str) -> list[dict[str, Any]]:
    common = {
        "weights": "seeded",
        "weights_sha256": "0" * 64,
        "reference": "ours",
        "ci_low": None,
        "ci_high": None,
    }
    return [
        {"model": model, "metric": metric, "evaluation": name, "value": float(number), **common}
        for model in models
        for metric in ("fad", "other")
        for number, name in enumerate(["noisier", "clean", "dull", "noisy"])
    ]


def test_rows_follow_the_configuration_and_other_sets_come_first() -> None:
    rows = curve_rows(distances("b", "a"), SERIES, "fad")
    found = [(row["model"], row["series"], row["level"], row["evaluation"]) for row in rows]
    of_one = [("", "", "clean"), *((*SERIES[name], name) for name in SERIES)]
    assert found == [(model, *row) for model in "ba" for row in of_one]
    assert {row["metric"] for row in rows} == {"fad"}


def test_the_figure_has_a_panel_for_each_model_and_series_and_the_same_bytes(tmp_path: Path) -> None:
    rows = curve_rows(distances("vggish", "clap"), SERIES, "fad")
    for name in ("1.svg", "2.svg"):
        plot_curves(rows, "fad", tmp_path / name)
    text = (tmp_path / "1.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "2.svg").read_text(encoding="utf-8")
    assert text.count('<g id="axes_') == 4
    # Text is drawn as outlines, with a comment.
    for shown in ("noise", "low-pass", "−20 dB", "FAD by clap", "clean", "seeded weights"):
        assert f"<!-- {shown}" in text


def test_sets_without_a_value_have_no_place_in_a_curve(tmp_path: Path) -> None:
    given = [row | {"value": None} if row["evaluation"] == "dull" else row for row in distances("a")]
    rows = curve_rows(given, SERIES, "fad")
    assert [row["evaluation"] for row in rows] == ["clean", "noisy", "noisier"]
    plot_curves(rows, "fad", tmp_path / "some.svg")
    plot_curves(
        curve_rows([row | {"value": None} for row in given], SERIES, "fad"), "fad", tmp_path / "none.svg"
    )
    assert "<svg" in (tmp_path / "none.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(("entry", "missing"), [({"series": "noise"}, "level"), ({"level": 3}, "series")])
def test_a_series_and_a_level_belong_together(tmp_path: Path, entry: dict[str, Any], missing: str) -> None:
    (tmp_path / "a").mkdir()
    config = {
        "study": "s",
        "datasets": {"a": {"path": str(tmp_path / "a"), **entry}, "b": str(tmp_path / "a")},
        "models": [{"id": "vggish", "weights": "seeded"}],
    }
    with pytest.raises(FadError, match=f"requires '{missing}'"):
        read_study(config, SCHEMA)
