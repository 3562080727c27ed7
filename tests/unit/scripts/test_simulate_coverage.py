from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import simulate_comparison
from simulate_coverage import Cell, cubic_mean, gaussian_mean, main, metric_and_truth, mmd, populations_of

from fad_core.metrics.kernels import CubicKernel, GaussianKernel, kernel_distance
from fad_core.metrics.statistics import Statistics


@pytest.mark.parametrize("kind", ["gaussian", "mixture", "t8"])
def test_what_is_drawn_has_the_known_distances(kind: str) -> None:
    """Six standard errors, and of files with correlated vectors."""
    cell = Cell(kind, 8, 1500, 2, 0.5, 1)
    populations = populations_of(cell)
    rng = np.random.default_rng(1)
    sets = [each.draw(rng, cell) for each in populations]
    for kernel, mean in ((GaussianKernel(0.05), gaussian_mean(0.05)), (CubicKernel(), cubic_mean)):
        distance = kernel_distance(*sets, kernel)
        effects = distance.effects()
        assert effects is not None
        assert abs(effects.estimate - mmd(*populations, mean)) < 6 * effects.error
    for population, drawn in zip(populations, sets, strict=True):
        statistics, moments = Statistics.from_embeddings(drawn.vectors), population.moments()
        np.testing.assert_allclose(statistics.mean, moments.mean, atol=0.2)
        np.testing.assert_allclose(statistics.covariance(), moments.covariance(), atol=0.4)


def test_equal_populations_have_a_distance_of_zero() -> None:
    for name in ("kad", "kid", "fad"):
        for kind in ("gaussian", "mixture", "t8"):
            truth = metric_and_truth(name, Cell(kind, 8, 20, 1, 0, 0))[1]
            assert math.isclose(truth, 0, abs_tol=1e-12)


def test_a_row_is_written_for_each_cell_and_metric(tmp_path: Path) -> None:
    output = tmp_path / "coverage.csv"
    options = [
        "--cell",
        "gaussian,4,20,2,0.5,1",
        "--cell",
        "t8,4,3,1,0,1",
        "--trials",
        "5",
        "--metric",
        "kad",
        "--metric",
        "kid",
    ]
    main([*options, "--output", str(output)])
    first = output.read_text()
    rows = list(csv.DictReader(first.splitlines()))
    assert [(row["kind"], row["metric"]) for row in rows] == [
        ("gaussian", "kad"),
        ("gaussian", "kid"),
        ("t8", "kad"),
        ("t8", "kid"),
    ]
    assert [row["intervals"] for row in rows] == ["5", "5", "0", "0"]
    main([*options, "--output", str(output)])
    assert output.read_text() == first


def test_comparisons_of_systems_are_simulated_too(tmp_path: Path) -> None:
    output = tmp_path / "comparison.csv"
    options = ["--cell", "gaussian,4,8,2,0.5,3", "--trials", "3", "--metric", "kad"]
    simulate_comparison.main([*options, "--output", str(output)])
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [(row["systems"], row["intervals"]) for row in rows] == [("alike", "3"), ("different", "3")]
    assert rows[1]["rejected"] == "1"
