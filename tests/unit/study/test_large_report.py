"""The report of a study with many data sets has a size that can be used, and says what it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest
from large_study import MadeOnce, hundred_sets, write_large_report

TEN_MB = 10_000_000


@pytest.mark.slow
def test_every_pair_of_a_hundred_sets_by_four_models(made_once: MadeOnce) -> None:
    page = hundred_sets(made_once).read_text(encoding="utf-8")
    assert len(page.encode()) < TEN_MB
    assert page.count("The first 500 of 4,950 pairs are listed") == 4
    assert page.count("data:image/png") == 4, "cells of a large heat map are an image"
    assert "for its size" not in page


def test_what_is_left_out_is_said_and_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fad_study.report._MATRIX_CELLS", 10)
    monkeypatch.setattr("fad_study.report._FIGURE_BYTES", 30_000)
    page = write_large_report(tmp_path, 5, 2, ("fad", "kad"), pairs=False).read_text(encoding="utf-8")
    assert "The matrix of 1 × 4 values is left out" in page
    assert 'left out of the page for its size: <a href="figures/pann-16k.kad.heatmap.svg">' in page
    assert 'is left out of this page for\nits size: <a href="tables/pann-16k.kad.matrix.csv">' in page
