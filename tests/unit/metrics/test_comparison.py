"""Differences of systems' distances from one reference, and the test that the systems are exchangeable."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from fad_core.metrics import MetricValue, SetVectors, choose_metric
from fad_core.metrics.comparison import Difference, compare_systems, holm
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.frechet_system import FrechetSystem
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.kernel_system import KernelSystem
from fad_core.metrics.kernels import GaussianKernel, kernel_distance
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics


class Given:
    """A set whose vectors are known."""

    def __init__(self, parts: dict[str, NDArray[np.float64]]) -> None:
        self._parts = parts

    def vectors_of(self, _output: str = "") -> SetVectors:
        return SetVectors.of([(name, part.astype(np.float32)) for name, part in self._parts.items()])

    def statistics_of(self, _output: str = "") -> Statistics:
        return grouped_statistics(self._parts.items(), list(self._parts))


def drawn(
    seed: int, mean: float, files: int = 30, dimension: int = 4, prefix: str = "", scale: float = 1.0
) -> Given:
    random = np.random.default_rng(seed)
    parts = {
        f"{prefix}{file:04d}.wav": mean + scale * random.normal(0, 1, (5, dimension)) + random.normal(0, 0.3)
        for file in range(files)
    }
    return Given(parts)


def values(metric: str, reference: Given, *systems: Given) -> list[MetricValue]:
    return [choose_metric(metric).compute(reference, system) for system in systems]


def compared(metric: str, reference: Given, *systems: Given) -> Difference:
    first, second = (value.system for value in values(metric, reference, *systems))
    assert first is not None and second is not None
    return compare_systems(first, second)


METRICS = ("fad", "kad bandwidth=2", "kid")


@pytest.mark.parametrize("metric", METRICS)
def test_a_farther_system_is_told_from_a_nearer_one(metric: str) -> None:
    reference, near, far = drawn(0, 0), drawn(1, 0.3, prefix="a"), drawn(2, 0.8, prefix="b")
    found = compared(metric, reference, far, near)
    both = values(metric, reference, far, near)
    assert both[0].corrected is not None and both[1].corrected is not None
    assert found.difference == pytest.approx(both[0].corrected - both[1].corrected)
    assert found.ci_low is not None and found.ci_high is not None and found.p is not None
    assert 0 < found.ci_low < found.difference < found.ci_high and found.p < 0.001
    assert not found.paired and not found.note

    back = compared(metric, reference, near, far)
    assert (back.difference, back.ci_low, back.ci_high) == pytest.approx(
        (-found.difference, -found.ci_high, -found.ci_low)
    )
    assert back.p is not None and back.p < 0.001


@pytest.mark.parametrize("metric", METRICS)
def test_names_pair_files_so_that_what_they_share_does_not_hide_a_difference(metric: str) -> None:
    random = np.random.default_rng(3)
    prompts = random.normal(0, 1, (40, 1, 4))
    systems = [
        Given({f"{k}.{end}": prompts[k] + random.normal(shift, 0.1, (2, 4)) for k in range(40)})
        for end, shift in (("wav", 0.25), ("flac", 0.0))
    ]
    other = Given({f"x{name}": part for name, part in systems[1]._parts.items()})
    reference = Given({f"{k}.wav": random.normal(0, 1, (2, 4)) for k in range(200)})
    paired, alone = compared(metric, reference, *systems), compared(metric, reference, systems[0], other)
    assert paired.paired and not alone.paired
    assert paired.p is not None and alone.p is not None and paired.p < 0.001 < alone.p


def test_influences_add_up_to_the_difference_of_fads() -> None:
    # To second order in the difference of the systems.
    reference = drawn(0, 0, files=400).statistics_of()
    for step in (0.1, 0.05):
        sets = [
            drawn(1, mean, files=400, scale=scale).statistics_of()
            for mean, scale in ((1, 1.2), (1 + step, 1.2 + step))
        ]
        exact = [frechet_distance(reference, each).value for each in sets]
        units = FrechetSystem(reference, sets[0]).influences(FrechetSystem(reference, sets[1]))
        means = [each.sums.sum() / each.counts.sum() for each in units]
        assert means[1] - means[0] == pytest.approx(exact[1] - exact[0], abs=step**3)


def test_influences_are_the_derivative_where_the_sets_have_fewer_vectors_than_dimensions() -> None:
    random = np.random.default_rng(5)
    rows = random.normal(0, 1, (3, 6, 10)) @ np.diag(np.linspace(0.2, 2, 10))
    reference = Statistics.from_embeddings(rows[0])
    # Each vector 1000 times: influences are divided by n, a covariance by n − 1.
    sets = [
        grouped_statistics([(f"{k}", np.tile(row, (1000, 1))) for k, row in enumerate(each)], list("012345"))
        for each in (rows[1], rows[1] + 1e-3 * (rows[2] - rows[1]))
    ]
    units = FrechetSystem(reference, sets[0]).influences(FrechetSystem(reference, sets[1]))
    means = [each.sums.sum() / each.counts.sum() for each in units]
    exact = [frechet_distance(reference, each).value for each in sets]
    assert means[1] - means[0] == pytest.approx(exact[1] - exact[0], rel=1e-3)


def test_influences_add_up_to_the_difference_of_kernel_distances() -> None:
    reference, *systems = (drawn(seed, 0.2 * seed).vectors_of() for seed in range(3))
    kernel = GaussianKernel(0.2)
    made = [KernelSystem(each, kernel, kernel_distance(reference, each, kernel), 100) for each in systems]
    units = made[0].influences(made[1])
    means = [each.sums.sum() / each.counts.sum() for each in units]
    # Equal but for the pairs of one file, 1/30 of all of a system, which the means leave out.
    exact = [each.effects.estimate for each in made if each.effects is not None]
    assert means[0] - means[1] == pytest.approx(exact[0] - exact[1], rel=1 / 30)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("prefix", ["", "b"])
def test_of_exchangeable_systems_p_is_uniform(metric: str, prefix: str) -> None:
    # In 8 dimensions of sets with 6 vectors: the test does not depend on estimates of bias.
    p = []
    for trial in range(60):
        sets = [drawn(1000 * trial + k, 0.5 * bool(k), 6, 8, prefix * (k == 2)) for k in range(3)]
        found = compared(metric, *sets)
        assert found.p is not None and found.paired == (prefix == "")
        p.append(found.p)
    # Of 60 trials, 9 or fewer with p ≤ 0.05 have a probability of 0.998.
    assert np.sum(np.array(p) <= 0.05) <= 9 and 0.35 < np.mean(p) < 0.65


def test_what_cannot_be_compared_has_its_reason() -> None:
    reference, near, far = drawn(0, 0), drawn(1, 0.3), drawn(2, 0.8)
    few = drawn(3, 0, files=4)
    assert compared("fad", reference, few, near).note == ("no test: a system has fewer than 5 files")
    found = compared("kad bandwidth=evaluation", reference, far, near)
    assert found.p is None and found.note == "no test: the bandwidth is not the same for both systems"
    assert found.ci_low is not None
    mean = MeanCovariance.from_covariance(np.zeros(4), np.eye(4))
    first, second = FrechetSystem.of(mean, mean), FrechetSystem.of(mean, near.statistics_of())
    assert compare_systems(first, second).note == "no test: groups of the files are not known"
    conditional = compare_systems(FrechetSystem.of(mean, far.statistics_of()), second)
    assert conditional.p is not None and conditional.ci_low is not None and conditional.ci_low > 0
    uneven = compared("fad", reference, drawn(4, 0, files=8), near)
    assert uneven.note == "no interval: the systems have different numbers of groups of files"
    assert uneven.p is not None and uneven.difference is not None


def test_holm() -> None:
    assert holm([]) == []
    assert holm([0.02, 0.001, 0.9, 0.02]) == pytest.approx([0.06, 0.004, 0.9, 0.06])
    assert math.isclose(max(holm([0.6, 0.7])), 1)
