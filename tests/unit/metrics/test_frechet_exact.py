"""The two terms of the Fréchet distance against 80 digits and closed forms.

Errors are in units of what a term is a difference of: the traces, Tr Σ₁ + Tr Σ₂, or the squared sum of the
largest values. The largest of 20 000 pairs like those of `two_sets`: 3.0e-16 of the mean's term, 9.1e-16 of
the covariances'. From covariances in place of vectors, 4.5e-16 and 3.7e-8: eigenvalues below the rounding of
the largest one are lost with them, so that its root is the limit.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics

Array = NDArray[np.float64]

ROUNDING = 5e-15
LOST = 1.2e-7
"""√(10 · 6 · 2.2e-16), the root of eigenvalues that `mean_covariance` takes for zero, for 6 dimensions."""


def gaussian(mean: Array, factor: Array, n: int = 1000) -> Statistics:
    """Statistics with this mean and the covariance `factor.T @ factor`."""
    triangle = np.linalg.qr(factor * np.sqrt(n - 1))[1]
    triangle *= np.where(triangle.diagonal() < 0, -1.0, 1.0)[:, np.newaxis]
    return Statistics(n, mean, np.triu(triangle))


def in_80_digits(x: Array, y: Array) -> tuple[float, float, float]:
    """Mean term, covariance term and both traces, where a singular covariance does no harm.

    Tr √(Σ₁Σ₂) is from the eigenvalues of the symmetric √Σ₁ Σ₂ √Σ₁.
    """
    with mpmath.workdps(80):
        means, covariances = [], []
        for data in (mpmath.matrix(x.tolist()), mpmath.matrix(y.tolist())):
            mean = mpmath.matrix([mpmath.fsum(data[:, j]) / data.rows for j in range(data.cols)])
            centred = data - mpmath.ones(data.rows, 1) * mean.T
            means.append(mean)
            covariances.append(centred.T * centred / (data.rows - 1))
        values, axes = mpmath.eigsy(covariances[0])
        root = axes * mpmath.diag([mpmath.sqrt(abs(value)) for value in values]) * axes.T
        products = mpmath.eigsy(root * covariances[1] * root, eigvals_only=True)
        overlap = mpmath.fsum(mpmath.sqrt(abs(value)) for value in products)
        traces = mpmath.fsum(cov[i, i] for cov in covariances for i in range(cov.rows))
        shift = mpmath.fsum(value**2 for value in means[0] - means[1])
        return float(shift), float(traces - 2 * overlap), float(traces)


@st.composite
def two_sets(draw: st.DrawFn) -> tuple[Array, Array]:
    """Up to nine vectors of up to six dimensions, some sets of lower rank, their spreads far apart or not."""
    dimension = draw(st.integers(1, 6))
    sets = []
    for _ in range(2):
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        spread = np.logspace(0, -draw(st.sampled_from([0, 1, 6])), dimension)
        axes = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
        sets.append(rng.standard_normal((draw(st.integers(2, 9)), dimension)) * spread @ axes)
    return sets[0], sets[1] + draw(st.sampled_from([0.0, 1.0, 30.0]))


@given(two_sets())
def test_both_terms_agree_with_80_digits(sets: tuple[Array, Array]) -> None:
    shift, covariance_term, traces = in_80_digits(*sets)
    size = (np.abs(sets[0]).max() + np.abs(sets[1]).max()) ** 2 * sets[0].shape[1]
    known = [
        MeanCovariance.from_covariance(x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))) for x in sets
    ]
    for pair, least in (([Statistics.from_embeddings(x) for x in sets], ROUNDING), (known, LOST)):
        distance = frechet_distance(*pair)
        assert distance.mean_term == pytest.approx(shift, abs=ROUNDING * size)
        assert distance.covariance_term == pytest.approx(covariance_term, abs=least * traces)
        assert distance.value == distance.mean_term + distance.covariance_term


@pytest.mark.parametrize(("n_x", "n_y", "dimension"), [(2, 2, 2), (3, 4, 8), (2, 30, 6), (6, 6, 6)])
def test_fewer_vectors_than_dimensions_agree_with_80_digits(n_x: int, n_y: int, dimension: int) -> None:
    rng = np.random.default_rng(n_x + n_y)
    x = rng.standard_normal((n_x, dimension))
    y = 2 * rng.standard_normal((n_y, dimension)) + 1
    assert_exact(x, y)


def test_repeated_vectors_and_constant_dimensions_agree_with_80_digits() -> None:
    x = np.array([[0.0, 1, 2, 5], [0, 1, 3, 5], [0, 1, 2, 5], [0, 4, 2, 5]])
    y = np.array([[1.0, 1, 0, 0], [1, 2, 0, 0], [1, 2, 0, 0]])
    assert_exact(x, y)


def assert_exact(x: Array, y: Array) -> None:
    shift, covariance_term, _ = in_80_digits(x, y)
    value = frechet_distance(*map(Statistics.from_embeddings, (x, y))).value
    assert value == pytest.approx(shift + covariance_term, rel=1e-13)


@given(st.floats(-50, 50), st.floats(0, 50), st.floats(-50, 50), st.floats(0, 50))
def test_one_dimension(mean_x: float, std_x: float, mean_y: float, std_y: float) -> None:
    x = gaussian(np.array([mean_x]), np.array([[std_x]]), n=10)
    y = gaussian(np.array([mean_y]), np.array([[std_y]]), n=400)
    result = frechet_distance(x, y)
    assert result.mean_term == pytest.approx((mean_x - mean_y) ** 2, rel=1e-12)
    rounding = ROUNDING * (std_x**2 + std_y**2)
    assert result.covariance_term == pytest.approx((std_x - std_y) ** 2, rel=1e-12, abs=rounding)


SPREADS = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=12)
"""Standard deviations of both sets along each axis; zero and equal ones are among them."""


@given(SPREADS, st.integers(0, 2**32))
def test_commuting_covariances(spreads: list[tuple[float, float]], seed: int) -> None:
    """Diagonal ones, and those with the same axes however they lie: the sum of (σ₁ − σ₂)² over the axes."""
    first, second = np.array(spreads).T
    size, centre = len(spreads), np.zeros(len(spreads))
    expected = float(((first - second) ** 2).sum())
    rounding = ROUNDING * float((first**2 + second**2).sum())
    random = np.random.default_rng(seed).standard_normal((size, size))
    for axes in (np.eye(size), np.linalg.qr(random)[0]):
        x, y = (gaussian(centre, np.diag(std) @ axes) for std in (first, second))
        assert frechet_distance(x, y).covariance_term == pytest.approx(expected, rel=1e-12, abs=rounding)


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_equal_covariances(size: int, seed: int) -> None:
    """Of factors that differ: rotations of one, of any rank, from other numbers of vectors."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((size, size)) * np.logspace(0, -8, size)
    factor[rng.integers(1, size + 1) :] = 0
    shift, rotation = rng.standard_normal(size), np.linalg.qr(rng.standard_normal((size, size)))[0]
    result = frechet_distance(gaussian(np.zeros(size), factor), gaussian(shift, rotation @ factor, n=30))
    assert result.mean_term == pytest.approx(float(shift @ shift), rel=1e-14)
    assert result.covariance_term <= ROUNDING * 2 * float((factor**2).sum())


def test_a_wide_range_of_spreads_costs_no_digits() -> None:
    """σ from 1 to 1e-12; the eigenvalues of Σ₁Σ₂ reach down to 1e-48."""
    rng = np.random.default_rng(2)
    axes = np.linalg.qr(rng.standard_normal((13, 13)))[0]
    spread = np.logspace(0, -12, 13)
    x, y = gaussian(np.zeros(13), np.diag(spread) @ axes), gaussian(np.zeros(13), np.diag(2 * spread) @ axes)
    assert frechet_distance(x, y).value == pytest.approx(float((spread**2).sum()), rel=1e-13)
