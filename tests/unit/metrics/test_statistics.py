from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from fad_core.metrics.statistics import BLOCK_ROWS, Statistics, statistics_of

Array = NDArray[np.float64]


def sets_of(dimension: int, low: int = 1, high: int = 9) -> st.SearchStrategy[Array]:
    # Squares of what is far smaller would leave the range of float64, not just its precision.
    values = st.floats(-1e6, 1e6).map(lambda value: value if abs(value) > 1e-100 else 0.0)
    shape = st.tuples(st.integers(low, high), st.just(dimension))
    return hnp.arrays(np.float64, shape, elements=values)


def exact_scatter(x: Array) -> tuple[Array, Array]:
    """Mean and scatter in exact rational arithmetic, rounded once at the end."""
    rows = [[Fraction(float(value)) for value in row] for row in x]
    n, d = x.shape
    mean = [sum(row[j] for row in rows) / n for j in range(d)]
    scatter = [
        [float(sum((row[i] - mean[i]) * (row[j] - mean[j]) for row in rows)) for j in range(d)]
        for i in range(d)
    ]
    return np.array([float(value) for value in mean]), np.array(scatter)


def assert_close(got: Statistics, expected: Statistics, scale: float) -> None:
    """Equal up to rounding, where `scale` is the size of the values that went in."""
    assert got.n == expected.n
    np.testing.assert_allclose(got.mean, expected.mean, rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(
        got.factor.T @ got.factor, expected.factor.T @ expected.factor, rtol=0, atol=1e-12 * scale**2 * got.n
    )


def same_bytes(a: Statistics, b: Statistics) -> bool:
    return (a.n, a.mean.tobytes(), a.factor.tobytes()) == (b.n, b.mean.tobytes(), b.factor.tobytes())


@given(sets_of(3))
def test_mean_and_scatter_are_those_of_exact_arithmetic(x: Array) -> None:
    statistics = Statistics.from_embeddings(x)
    mean, scatter = exact_scatter(x)
    scale = np.abs(x).max() + 1e-300
    np.testing.assert_allclose(statistics.mean, mean, rtol=0, atol=2e-15 * scale)
    np.testing.assert_allclose(
        statistics.factor.T @ statistics.factor, scatter, rtol=0, atol=1e-14 * scale**2 * len(x)
    )


@given(st.integers(1, 7).flatmap(lambda d: sets_of(d)))
def test_the_factor_is_upper_triangular_with_a_non_negative_diagonal(x: Array) -> None:
    factor = Statistics.from_embeddings(x).factor
    n, d = x.shape
    assert factor.shape == (d, d)
    assert not np.tril(factor, -1).any()
    assert (factor.diagonal() >= 0).all()
    assert not np.signbit(factor[factor == 0]).any()
    assert not factor[n - 1 :].any()


@pytest.mark.parametrize("dimension", [1, 3, 128])
@pytest.mark.parametrize("n", [2, 100, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 17])
def test_covariance_is_numpys(n: int, dimension: int) -> None:
    x = np.random.default_rng(n).standard_normal((n, dimension)) @ np.diag(np.linspace(0.1, 3, dimension)) + 5
    statistics = Statistics.from_embeddings(x)
    np.testing.assert_allclose(statistics.mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(
        statistics.covariance(), np.cov(x, rowvar=False).reshape(dimension, dimension), atol=1e-12
    )


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2 * BLOCK_ROWS + 5), max_size=6), st.sampled_from([np.float32, np.float64]))
def test_bytes_do_not_depend_on_how_the_rows_are_split(cuts: list[int], dtype: type) -> None:
    x = np.random.default_rng(1).normal(3, 2, (2 * BLOCK_ROWS + 5, 6)).astype(dtype)
    blocks = np.split(x, sorted(cuts))
    assert same_bytes(statistics_of(blocks), Statistics.from_embeddings(x))


def test_bytes_do_not_depend_on_the_layout_in_memory() -> None:
    x = np.random.default_rng(2).standard_normal((300, 40))
    expected = Statistics.from_embeddings(x)
    assert same_bytes(Statistics.from_embeddings(np.asfortranarray(x)), expected)
    assert same_bytes(Statistics.from_embeddings(np.repeat(x, 2, axis=0)[::2]), expected)
    raw = np.empty(x.nbytes + 64, dtype=np.uint8)
    for offset in (8, 24, 40):
        shifted = raw[offset : offset + x.nbytes].view(np.float64).reshape(x.shape)
        shifted[:] = x
        assert same_bytes(Statistics.from_embeddings(shifted), expected)


@given(sets_of(4), sets_of(4))
def test_merging_is_the_statistics_of_all_vectors(x: Array, y: Array) -> None:
    merged = Statistics.from_embeddings(x).merge(Statistics.from_embeddings(y))
    scale = max(np.abs(x).max(), np.abs(y).max(), 1e-300)
    assert_close(merged, Statistics.from_embeddings(np.vstack([x, y])), scale)


@given(sets_of(3), sets_of(3), sets_of(3))
def test_merging_is_associative_and_commutative_up_to_rounding(x: Array, y: Array, z: Array) -> None:
    a, b, c = (Statistics.from_embeddings(part) for part in (x, y, z))
    scale = max(np.abs(part).max() for part in (x, y, z)) + 1e-300
    assert_close(a.merge(b).merge(c), a.merge(b.merge(c)), scale)
    assert_close(a.merge(b), b.merge(a), scale)


def test_one_vector_at_a_time_gives_the_same_as_all_at_once() -> None:
    x = np.random.default_rng(3).normal(2, 1, (40, 8))
    singles = [Statistics.from_embeddings(row[np.newaxis]) for row in x]
    merged = functools.reduce(Statistics.merge, singles)
    whole = Statistics.from_embeddings(x)
    np.testing.assert_allclose(merged.factor, whole.factor, atol=1e-13)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-14)


def test_one_vector_has_a_mean_and_no_spread() -> None:
    statistics = Statistics.from_embeddings([[1.5, -2.0, 1e9]])
    assert statistics.n == 1
    assert statistics.mean.tolist() == [1.5, -2.0, 1e9]
    assert not statistics.factor.any()
    with pytest.raises(ValueError, match="single vector"):
        statistics.covariance()


def test_fewer_vectors_than_dimensions_keep_their_exact_rank() -> None:
    x = np.random.default_rng(4).standard_normal((5, 50))
    whole = Statistics.from_embeddings(x)
    merged = Statistics.from_embeddings(x[:2]).merge(Statistics.from_embeddings(x[2:]))
    for statistics in (whole, merged):
        assert statistics.rows.shape == (4, 50)
        np.testing.assert_allclose(statistics.covariance(), np.cov(x, rowvar=False), atol=1e-14)


@pytest.mark.parametrize("offset", [1e6, -1e8])
def test_a_large_offset_does_not_drown_a_tiny_spread(offset: float) -> None:
    """The textbook trap: E[x²] − E[x]² has nothing left here."""
    rng = np.random.default_rng(5)
    x = offset + rng.normal(0, 1e-3, (5000, 4))
    merged = functools.reduce(Statistics.merge, map(Statistics.from_embeddings, np.array_split(x, 7)))
    # x − offset is exact in float64 (Sterbenz), so this reference has no offset to lose.
    expected = np.cov(x - offset, rowvar=False)
    # What is left is the rounding of the blocks' means, as a share of the spread.
    rounding = np.finfo(float).eps * abs(offset) / 1e-3
    for statistics in (Statistics.from_embeddings(x), merged):
        np.testing.assert_allclose(statistics.covariance(), expected, rtol=0, atol=rounding * expected[0, 0])
        np.testing.assert_allclose(statistics.mean, offset + (x - offset).mean(axis=0), rtol=3e-16)


def test_within_a_block_an_offset_costs_nothing() -> None:
    x = 1e6 + np.random.default_rng(5).normal(0, 1e-3, (BLOCK_ROWS, 4))
    expected = np.cov(x - 1e6, rowvar=False)
    np.testing.assert_allclose(
        Statistics.from_embeddings(x).covariance(), expected, rtol=0, atol=1e-13 * expected[0, 0]
    )


def test_directions_far_smaller_than_the_largest_are_not_lost() -> None:
    """Singular values 1 and 1e-12: a covariance matrix in float64 holds the first one only."""
    rng = np.random.default_rng(6)
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    x = rng.standard_normal((5000, 3)) * [1.0, 1e-6, 1e-12] @ rotation
    factor = Statistics.from_embeddings(x).factor / np.sqrt(4999)
    np.testing.assert_allclose(np.linalg.svd(factor)[1], [1.0, 1e-6, 1e-12], rtol=0.05)


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros((0, 3)), "at least one vector"),
        (np.zeros(3), r"\[N, D\]"),
        (np.zeros((2, 3, 1)), r"\[N, D\]"),
        (np.zeros((2, 0)), r"\[N, D\]"),
        (np.array([[1.0, np.nan]]), "NaN or infinity"),
        (np.array([[1.0, -np.inf]]), "NaN or infinity"),
        (np.array([[1j]]), "real numbers"),
        (np.array([["a"]]), "real numbers"),
    ],
)
def test_what_is_not_a_set_of_vectors_is_refused(embeddings: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Statistics.from_embeddings(embeddings)


def test_dimensions_must_agree() -> None:
    with pytest.raises(ValueError, match="2 dimensions follow embeddings of 3"):
        statistics_of([np.zeros((0, 3)), np.zeros((1, 2))])
    with pytest.raises(ValueError, match="3-d with 2-d"):
        Statistics.from_embeddings(np.zeros((1, 3))).merge(Statistics.from_embeddings(np.zeros((1, 2))))


def test_no_block_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one vector"):
        statistics_of([])


def test_statistics_cannot_be_changed() -> None:
    statistics = Statistics.from_embeddings([[1.0, 2.0], [3.0, 5.0]])
    for array in (statistics.mean, statistics.factor):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("n", "mean", "factor", "message"),
    [
        (0, [0.0], [[0.0]], "at least one"),
        (3, [0.0], [[1.0, 0.0], [0.0, 1.0]], "not .D. and .D, D."),
        (3, [np.nan], [[1.0]], "NaN"),
        (3, [0.0, 0.0], [[1.0, 0.0], [1.0, 1.0]], "upper triangular"),
        (3, [0.0], [[-1.0]], "non-negative"),
        (1, [0.0], [[1.0]], "rows that are not zero"),
    ],
)
def test_parts_that_are_no_statistics_are_refused(
    n: int, mean: list[float], factor: list[list[float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Statistics(n, np.array(mean), np.array(factor))
