from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import ConfigError, FadError
from fad_core.metrics import METRICS, choose_metric, get_metric
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey

Array = NDArray[np.float64]

ROUNDING = 5e-15
"""Of the sum of squares of all values. In 20 000 random cases of each property below, the error was at most
8e-16 of it for scaling, 7e-16 for rotating and shifting, 5e-16 for reordering and merging."""


def vectors(dimension: int) -> st.SearchStrategy[Array]:
    # Squares of what is far smaller would leave the range of float64, not just its precision.
    values = st.floats(-1e3, 1e3).map(lambda value: value if abs(value) > 1e-100 else 0.0)
    shape = st.tuples(st.integers(2, 8), st.just(dimension))
    return hnp.arrays(np.float64, shape, elements=values)


def distance(x: Array, y: Array) -> float:
    return frechet_distance(Statistics.from_embeddings(x), Statistics.from_embeddings(y)).value


def total_variance(x: Array) -> float:
    return float(x.var(axis=0, ddof=1).sum())


def eigenvalue_formula(x: Array, y: Array) -> float:
    """Tr √(Σ₁Σ₂) from the eigenvalues of the symmetric √Σ₁ Σ₂ √Σ₁."""
    cov_x, cov_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values, axes = np.linalg.eigh(cov_x)
    root = axes @ np.diag(np.sqrt(values)) @ axes.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ cov_y @ root)).sum()
    difference = x.mean(axis=0) - y.mean(axis=0)
    return float(difference @ difference + np.trace(cov_x) + np.trace(cov_y) - 2 * overlap)


def procrustes_form(x: Array, y: Array) -> float:
    """|μ₁ − μ₂|² + min over orthogonal Q of |A − Q B|², with AᵀA = Σ₁, BᵀB = Σ₂."""
    a, b = (np.linalg.cholesky(np.cov(data, rowvar=False)).T for data in (x, y))
    u, _, vh = np.linalg.svd(a @ b.T)
    return float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() + ((a - u @ vh @ b) ** 2).sum())


@pytest.mark.parametrize(("n", "dimension"), [(200, 2), (500, 16), (2000, 128)])
def test_equals_the_eigenvalue_and_the_procrustes_formula(n: int, dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    mix = rng.standard_normal((dimension, dimension)) / np.sqrt(dimension) + np.eye(dimension)
    x = rng.standard_normal((n, dimension))
    y = rng.standard_normal((n + 50, dimension)) @ mix + 0.3
    assert distance(x, y) == pytest.approx(eigenvalue_formula(x, y), rel=1e-9)
    assert distance(x, y) == pytest.approx(procrustes_form(x, y), rel=1e-9)


@given(vectors(5), vectors(5))
def test_symmetric_to_the_last_bit_and_never_negative(x: Array, y: Array) -> None:
    there, back = distance(x, y), distance(y, x)
    assert there == back
    assert there >= 0


def test_symmetric_to_the_last_bit_at_128_dimensions() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 300, 128))
    assert distance(x, y) == distance(y, x)
    assert distance(x, y[:100]) == distance(y[:100], x)


def test_symmetric_to_the_last_bit_where_counts_and_means_are_equal() -> None:
    half = np.random.default_rng(4).integers(-9, 9, (2, 40, 64)).astype(float)
    x, y = (np.concatenate([each, -each]) for each in half)
    assert np.array_equal(*(Statistics.from_embeddings(each).mean for each in (x, y)))
    assert distance(x, y) == distance(y, x)


@given(vectors(6))
def test_zero_for_identical_sets(x: Array) -> None:
    assert distance(x, x.copy()) == 0
    assert distance(x, x[::-1]) <= ROUNDING * float((x**2).sum())


@pytest.mark.parametrize("n", [20, 128, 5000])
def test_zero_for_identical_sets_at_128_dimensions(n: int) -> None:
    x = np.random.default_rng(n).normal(4, 1, (n, 128))
    assert distance(x, x) == 0
    shuffled = np.random.default_rng(0).permutation(x)
    assert distance(x, shuffled) <= 3e-14 * total_variance(x)


@given(vectors(4), vectors(4), st.floats(0.01, 100), st.floats(-100, 100))
def test_scaling_squares_and_a_common_shift_does_nothing(
    x: Array, y: Array, scale: float, shift: float
) -> None:
    size = float((x**2).sum() + (y**2).sum())
    expected = distance(x, y)
    rounding = ROUNDING * scale**2 * size
    assert distance(scale * x, scale * y) == pytest.approx(scale**2 * expected, abs=rounding)
    assert distance(x + shift, y + shift) == pytest.approx(expected, abs=ROUNDING * (size + shift**2))


@given(vectors(3), hnp.arrays(np.float64, 3, elements=st.floats(-1e3, 1e3)))
def test_moving_one_set_costs_the_squared_way(x: Array, shift: Array) -> None:
    size = float((x**2).sum() + (shift**2).sum())
    assert distance(x, x + shift) == pytest.approx(float((shift**2).sum()), abs=ROUNDING * size)


@given(vectors(4), vectors(4), st.integers(0, 100))
def test_rotating_both_sets_does_nothing(x: Array, y: Array, seed: int) -> None:
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((4, 4)))[0]
    size = float((x**2).sum() + (y**2).sum())
    assert distance(x @ rotation, y @ rotation) == pytest.approx(distance(x, y), abs=ROUNDING * size)


@given(vectors(4), vectors(4), vectors(4), st.permutations(range(8)))
def test_the_order_of_files_and_merging_them_do_nothing(
    x: Array, y: Array, other: Array, order: list[int]
) -> None:
    files = [*np.array_split(x, 3), *np.array_split(y, 3), *np.array_split(other, 2)]
    expected = distance(np.concatenate(files), other)
    rounding = ROUNDING * float(sum((part**2).sum() for part in (*files, other)))
    ordered = [files[number] for number in order]
    assert distance(np.concatenate(ordered), other) == pytest.approx(expected, abs=rounding)
    merged = functools.reduce(Statistics.merge, (Statistics.from_embeddings(f) for f in ordered if len(f)))
    found = frechet_distance(merged, Statistics.from_embeddings(other)).value
    assert found == pytest.approx(expected, abs=rounding)


@given(vectors(3), vectors(3), vectors(3))
def test_its_root_keeps_the_triangle_inequality(x: Array, y: Array, z: Array) -> None:
    slack = 1e-6 * (1 + max(np.abs(part).max() for part in (x, y, z)))
    assert distance(x, z) ** 0.5 <= distance(x, y) ** 0.5 + distance(y, z) ** 0.5 + slack


def test_a_large_offset_leaves_the_distance_of_the_spreads() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(0, 1e-3, (4000, 3)), rng.normal(0, 3e-3, (4000, 3))
    moved_x, moved_y = 1e6 + x, 1e6 + y
    expected = distance(moved_x - 1e6, moved_y - 1e6)
    assert distance(moved_x, moved_y) == pytest.approx(expected, rel=1e-6)


def test_the_note_tells_of_rank_deficient_sets() -> None:
    x, y = np.random.default_rng(8).standard_normal((2, 129, 128))
    full, few = Statistics.from_embeddings(x), Statistics.from_embeddings(y[:60])
    edge = Statistics.from_embeddings(y[:128])
    assert frechet_distance(full, full).note == ""
    assert frechet_distance(full, few).note == (
        "evaluation: no more vectors than dimensions, so the covariance is rank-deficient "
        "and FAD is biased upwards"
    )
    assert frechet_distance(edge, few).note.split("; ")[0].startswith("reference: no more vectors")


def test_too_few_vectors_or_unlike_dimensions_are_refused() -> None:
    one = Statistics.from_embeddings([[1.0, 2.0]])
    two = Statistics.from_embeddings([[1.0, 2.0], [2.0, 2.0]])
    with pytest.raises(ValueError, match="evaluation: 1 vector"):
        frechet_distance(two, one)
    with pytest.raises(ValueError, match="reference: 1 vector"):
        frechet_distance(one, two)
    with pytest.raises(ValueError, match="reference has 2 dimensions, evaluation has 1"):
        frechet_distance(two, Statistics.from_embeddings([[1.0], [2.0]]))


def test_fad_is_a_metric_by_name() -> None:
    x, y = (Statistics.from_embeddings(v) for v in np.random.default_rng(9).standard_normal((2, 9, 4)))
    key = ModelKey("m", "seeded", "ab", "")
    sets = [EmbeddedSet(name, key, {"embedding": each}) for name, each in zip("xy", (x, y), strict=True)]
    fad = get_metric("fad")
    assert fad is METRICS["fad"]
    assert fad.symmetric
    value = choose_metric("fad ci=none").compute(*sets)
    assert value.value == frechet_distance(x, y).value
    assert (value.ci_low, value.ci_high, value.note) == (None, None, "")


def test_an_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"there is no metric 'fed'\. Did you mean 'fad'\? Metrics: coverage"
    ):
        get_metric("fed")


@pytest.mark.parametrize("scale", [1e200, 1e160])
def test_a_distance_that_is_not_finite_is_an_error(scale: float) -> None:
    x = np.random.default_rng(3).standard_normal((9, 4))
    near, far = Statistics.from_embeddings(x), Statistics.from_embeddings(scale * (x + 1))
    for pair in ((near, far), (far, near)):
        with pytest.raises(FadError, match="not a finite number: the squares of means up to"):
            frechet_distance(*pair)


def test_complex_statistics_lose_nothing_in_silence() -> None:
    with pytest.raises(ValueError, match="the mean holds complex128"):
        Statistics(2, np.zeros(2, complex), np.zeros((2, 2)))
