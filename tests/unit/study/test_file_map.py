"""Maps of files: principal components, the sample of many files, and names as tooltips."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from fad_study import file_map
from fad_study.file_map import map_rows, principal_components
from fad_study.report.map import plot_map
from fad_study.schemas.ranking import MAP

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.models.use import ModelKey
from fad_core.tables import write_table

KEY = ModelKey("vggish", "seeded", "00b8" * 16, "")


def rows_of(means: dict[tuple[str, str], Any]) -> list[dict[str, Any]]:
    return map_rows(EmbeddedSet("a", KEY, {}, None, "fad-core"), means)


def test_components_are_those_of_numpy_with_a_fixed_sign() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 6)) * [9, 5, 1, 1, 1, 1]
    points, shares = principal_components(vectors)
    centred = vectors - vectors.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(centred @ axes[:2].T), atol=1e-10)
    np.testing.assert_allclose(shares, values[:2] ** 2 / (values**2).sum())
    mirrored, _ = principal_components(-vectors)
    np.testing.assert_allclose(mirrored, -points, atol=1e-10)
    points, shares = principal_components(vectors[:1])
    assert points.tolist() == [[0.0, 0.0]] and shares.tolist() == [0.0, 0.0]


def test_each_point_has_the_name_of_its_file(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1)
    means = {(name, f"{k} <&>.wav"): numbers.normal(size=4) for name in "abcdefgh" for k in range(3)}
    rows = rows_of(means)
    write_table(MAP, rows, tmp_path / "vggish.map.csv")
    written = []
    for _ in range(2):
        plot_map(rows, tmp_path / "map.svg")
        written.append((tmp_path / "map.svg").read_bytes())
    assert written[0] == written[1]
    titles = [
        each.text for each in ElementTree.fromstring(written[0]).iter("{http://www.w3.org/2000/svg}title")
    ]
    assert titles == [f"{name}: {file}" for name, file in means]
    plot_map([], tmp_path / "map.svg")
    assert rows_of({}) == []


def test_of_many_files_a_sample_that_does_not_depend_on_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(2)
    means = {("a", f"{k}.wav"): numbers.normal(size=3) for k in range(30)}
    every = {row["file"]: row["x"] for row in rows_of(means)}
    monkeypatch.setattr(file_map, "POINTS", 10)
    few = {row["file"]: row["x"] for row in rows_of(means)}
    assert len(few) == 10 and all(every[file] == x for file, x in few.items())
    assert {row["file"] for row in rows_of(dict(reversed(means.items())))} == set(few)
