"""Groups of files, and the bias and interval of a Fréchet distance that follow from them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fad_core.errors import ConfigError
from fad_core.metrics import choose_metric, grouping
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.frechet_interval import FrechetInterval, frechet_interval
from fad_core.metrics.grouping import assign_groups, grouped_statistics
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics


def sample(
    random: np.random.Generator, prefix: str, files: int, vectors: int, dimension: int, mean: float = 0.0
) -> Statistics:
    """Files of vectors that correlate within a file by 0.3."""
    shape = (files, vectors, dimension)
    values = np.sqrt(0.3) * random.standard_normal((files, 1, dimension))
    values = values + np.sqrt(0.7) * random.standard_normal(shape) + mean
    names = [f"{prefix}{number}.wav" for number in range(files)]
    return grouped_statistics(zip(names, values, strict=True), names)


def interval(one: Statistics | MeanCovariance, other: Statistics | MeanCovariance) -> FrechetInterval:
    return frechet_interval(one, other, frechet_distance(one, other).value)


def test_groups_have_equal_numbers_of_files_whatever_their_order():
    names = [f"class_{number // 10}/{number}.wav" for number in range(103)]
    groups = assign_groups(names)
    assert assign_groups(names[::-1]) == groups
    assert sorted(np.bincount(list(groups.values()))) == [5] * 17 + [6] * 3
    # Neighbours by name are not of one group, nor dealt in turn.
    assert len({groups[name] for name in names[:10]}) > 4
    # The same names in another format are in the same groups.
    other = assign_groups([name.replace(".wav", ".flac") for name in names])
    assert all(other[name.replace(".wav", ".flac")] == group for name, group in groups.items())


@pytest.mark.parametrize(
    ("files", "vectors", "dimension"), [(3, 4, 2), (45, 7, 3), (45, 1, 200), (21, 300, 2)]
)
def test_the_groups_together_are_the_set(files: int, vectors: int, dimension: int):
    random = np.random.default_rng(0)
    values = random.standard_normal((files, vectors, dimension)).astype(np.float32)
    names = [f"{number}.wav" for number in range(files)]
    found = grouped_statistics(zip(names, values, strict=True), names)
    plain = Statistics.from_embeddings(values.reshape(-1, dimension))
    assert np.array_equal(found.factor, plain.factor) and np.array_equal(found.mean, plain.mean)
    assert len(found.groups) == min(files, 20)
    scatter = np.zeros((dimension, dimension))
    for group in found.groups:
        shift = group.mean - found.mean
        scatter += group.rows.T @ group.rows + group.n * np.outer(shift, shift)
    assert np.allclose(scatter, plain.factor.T @ plain.factor, rtol=1e-11, atol=1e-9)


def test_groups_that_would_be_too_large_are_not_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(grouping, "GROUP_BYTES", 1000)
    assert sample(np.random.default_rng(0), "a", 30, 5, 8).groups == ()


def test_files_that_were_not_named_are_an_error():
    with pytest.raises(KeyError):
        grouped_statistics([("b.wav", np.zeros((2, 2)))], ["a.wav"])


def brute_force(sets: list[list[NDArray[np.float64]]]) -> tuple[float, float]:
    """The corrected value and the jackknife's standard error, by their definitions, of files as groups."""
    count = len(sets[0])

    def distance(kept: list[int]) -> float:
        parts = [Statistics.from_embeddings(np.concatenate([each[k] for k in kept])) for each in sets]
        return frechet_distance(*parts).value

    whole = distance(list(range(count)))
    without = np.array([distance([k for k in range(count) if k != left]) for left in range(count)])
    halves = [range(count // 2), range(count // 2, count), range(0, count, 2), range(1, count, 2)]
    half = 2 * whole - np.mean([distance(list(each)) for each in halves])
    jackknife = count * whole - (count - 1) * without.mean()
    error = np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2))
    return 2 * jackknife - half, float(np.hypot(error, jackknife - half))


@pytest.mark.parametrize("outlier", [1, 1e5])
def test_it_is_the_jackknife_of_its_definition(outlier: float):
    """Also where nearly all of the spread is that of one file."""
    random = np.random.default_rng(1)
    files = [[random.standard_normal((6, 3)) + shift for _ in range(8)] for shift in (0.0, 2.0)]
    files[1][3] *= outlier
    names = [f"{number}.wav" for number in range(8)]
    groups = assign_groups(names)
    ordered = sorted(names, key=groups.__getitem__)
    sets = [grouped_statistics(zip(ordered, each, strict=True), names) for each in files]
    found = interval(*sets)
    corrected, error = brute_force(files)
    quantile = 2.364624251592784  # of Student's t, 7 degrees of freedom, 97.5 %
    assert found.corrected == pytest.approx(corrected, rel=1e-9)
    assert found.bias == pytest.approx(frechet_distance(*sets).value - corrected, rel=1e-6)
    assert found.low is not None and found.high is not None and found.note == ""
    assert (found.low, found.high) == pytest.approx(
        (max(0.0, corrected - quantile * error), corrected + quantile * error), rel=1e-8
    )
    narrow = frechet_interval(*sets, frechet_distance(*sets).value, level=0.5)
    assert narrow.low is not None and narrow.high is not None and found.low <= narrow.low < narrow.high
    assert interval(*sets[::-1]) == found


@pytest.mark.parametrize(("dimension", "files", "vectors"), [(4, 20, 5), (8, 60, 1), (16, 40, 10)])
def test_it_covers_the_populations_distance(dimension: int, files: int, vectors: int):
    """The value itself is far above it."""
    random = np.random.default_rng(2)
    true, trials = dimension * 0.25, 100
    hits = given = above = 0
    for _ in range(trials):
        one = sample(random, "a", files, vectors, dimension)
        other = sample(random, "b", files, vectors, dimension, mean=0.5)
        value = frechet_distance(one, other).value
        found = frechet_interval(one, other, value)
        if found.low is not None and found.high is not None:
            given += 1
            hits += found.low <= true <= found.high
        above += value > true
    assert given > 0.6 * trials and hits > 0.9 * given and above > 0.7 * trials


def test_sets_with_files_of_other_numbers_of_vectors():
    random = np.random.default_rng(3)
    names = [f"{number}.wav" for number in range(33)]
    sets = [
        grouped_statistics(
            ((name, random.normal(mean, 1, (1 + n % 9, 2))) for n, name in enumerate(names)), names
        )
        for mean in (0, 2)
    ]
    found = interval(*sets)
    assert found.low is not None and found.high is not None and found.low < 8 < found.high
    # Fewer files in one of them: as many groups in both.
    small = sample(random, "c", 7, 20, 2, mean=2.0)
    found = interval(sets[0], small)
    assert found.low is not None and found.high is not None and found.low < 8 < found.high


def test_a_set_without_files_is_taken_as_it_is():
    random = np.random.default_rng(4)
    one, other = sample(random, "a", 40, 5, 3), sample(random, "b", 40, 5, 3, mean=1.0)
    known = MeanCovariance.from_covariance(np.zeros(3), np.eye(3))
    found = interval(known, other)
    assert found.note == "the interval is conditional on the reference"
    assert found.low is not None and found.high is not None and found.low < 3 < found.high
    plain = Statistics(one.n, one.mean, one.factor)
    assert interval(other, plain).note == "the interval is conditional on the evaluation"
    assert interval(plain, known) == FrechetInterval(note="no interval: the files of both sets are not known")


def test_no_interval_where_it_would_mislead():
    random = np.random.default_rng(5)
    few = sample(random, "a", 4, 30, 2), sample(random, "b", 30, 5, 2, mean=1.0)
    assert interval(*few) == FrechetInterval(note="no interval: fewer than 5 files (4 in the reference)")
    short = [sample(random, name, 30, 1, 64) for name in "ab"]
    found = interval(*short)
    assert found.low is None and found.high is None and "too few vectors for their dimensions" in found.note
    assert found.corrected is not None and found.corrected < frechet_distance(*short).value
    same = interval(few[1], few[1])
    assert (same.bias, same.corrected, same.low, same.high) == (0, 0, 0, 0)


def test_silent_files_of_one_vector_are_no_obstacle():
    """Groups without spread, and factors that are not positive definite."""
    names = [f"{number}.wav" for number in range(25)]
    still = grouped_statistics(((name, np.ones((40, 3))) for name in names), names)
    moving = sample(np.random.default_rng(6), "b", 25, 40, 3)
    found = interval(still, moving)
    assert found.low is not None and found.high is not None and found.low <= 6 <= found.high


def test_options_of_the_metric():
    with pytest.raises(ConfigError, match=r"fad: level must be less than 1, not 2\.0"):
        choose_metric("fad level=2")
    with pytest.raises(ConfigError, match="fad: ci must be one of jackknife, none, not 'bootstrap'"):
        choose_metric("fad ci=bootstrap")
    with pytest.raises(ConfigError, match="fad: there is no setting 'k'; settings: level, ci"):
        choose_metric("fad k=3")
    assert choose_metric("fad level=0.9").settings == "level=0.9"
