"""Figures of single files, and what figures for papers have in common."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fad_study.report.dots import plot_ranking
from fad_study.report.spreads import POINTS, plot_per_file


def rows_of(counts: dict[str, int], spread: float = 0.3, **others: Any) -> list[dict[str, Any]]:
    numbers = np.random.default_rng(0)
    head = {"model": "vggish", "weights": "official", "reference": "r", "nearest": None, "kad": None}
    return [
        head | {"evaluation": name, "fad": float(value)} | others
        for name, count in counts.items()
        for value in np.exp(numbers.normal(0, spread, count))
    ]


def words(svg: Path) -> list[str]:
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg.read_text(encoding="utf-8"), re.DOTALL)]


def test_each_system_has_its_files_by_its_label_in_a_panel_of_each_model(tmp_path: Path) -> None:
    rows = [*rows_of({"Ours (v2)": 5, "Theirs": 3}), *rows_of({"Ours (v2)": 4}, model="clap")]
    plot_per_file(rows, "fad", tmp_path / "fad.svg")
    told = words(tmp_path / "fad.svg")
    assert told.count("Ours (v2)") == 2 and told.count("Theirs") == 1
    assert "FAD of single files by vggish" in told and "FAD of single files by clap" in told
    plot_per_file(rows, "kad", tmp_path / "kad.svg")
    assert "vggish" not in " ".join(words(tmp_path / "kad.svg")), "none has a value"


def test_of_many_files_the_outermost_are_drawn(tmp_path: Path) -> None:
    rows = rows_of({"many": 10 * POINTS})
    plot_per_file(rows, "fad", tmp_path / "fad.svg")
    assert POINTS <= (tmp_path / "fad.svg").read_text(encoding="utf-8").count("<use") < 2 * POINTS
    told = words(tmp_path / "fad.svg")
    ends = sorted(rows, key=lambda row: row["fad"])
    plot_per_file([ends[0], ends[-1]], "fad", tmp_path / "ends.svg")
    assert [each for each in words(tmp_path / "ends.svg") if each not in told] == []


def test_a_wide_range_has_a_logarithmic_scale_that_can_be_read(tmp_path: Path) -> None:
    plot_per_file(rows_of({"a": 50}, spread=3.0), "fad", tmp_path / "fad.svg")
    told = words(tmp_path / "fad.svg")
    assert {"0.01", "1", "100"} <= set(told) and not any("$" in text for text in told)


def test_the_png_is_a_column_wide_at_300_dpi_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    ranked = {"model": "clap", "weights": "official", "reference": "r", "metric": "fad", "letters": "a"}
    ranked |= {"value": 2.0, "corrected": 1.0, "ci_low": 0.5, "ci_high": 1.5}
    for name in ("1", "2"):
        plot_per_file(
            rows_of({"AudioGen": 9}), "fad", tmp_path / f"files{name}.png", tmp_path / f"{name}.svg"
        )
        plot_ranking([ranked | {"evaluation": "AudioGen"}], "fad", tmp_path / f"ranking{name}.png")
    for figure in ("files", "ranking"):
        one, other = ((tmp_path / f"{figure}{name}.png").read_bytes() for name in ("1", "2"))
        assert one == other and b"tEXt" not in one and b"tIME" not in one
        (width,) = struct.unpack(">I", one[16:20])
        assert width / 300 == pytest.approx(3.4, abs=0.05)
        (per_metre,) = struct.unpack(">I", one[one.index(b"pHYs") + 4 :][:4])
        assert per_metre * 0.0254 == pytest.approx(300, abs=0.5)
