"""Mean and covariance alone give the distance that the vectors give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics

Array = NDArray[np.float64]


def mean_covariance_of(vectors: Array) -> MeanCovariance:
    return MeanCovariance.from_covariance(vectors.mean(axis=0), np.cov(vectors, rowvar=False))


def scale_of(*sets: Array) -> float:
    """What the rounding of a distance is a share of: both traces."""
    return sum(float(np.trace(np.atleast_2d(np.cov(x, rowvar=False)))) for x in sets)


@st.composite
def two_sets(draw: st.DrawFn) -> tuple[Array, Array]:
    """Vectors of one dimension or more, some sets with fewer of them than that, far off centre or not."""
    dimension = draw(st.integers(1, 12))
    sets = []
    for _ in range(2):
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        count = draw(st.integers(2, 40))
        spread = draw(st.sampled_from([1e-3, 1.0, 300.0]))
        centre = draw(st.sampled_from([0.0, 1.0, -20.0])) * spread
        sets.append(centre + spread * rng.standard_normal((count, dimension)))
    return sets[0], sets[1]


@given(two_sets())
def test_the_distance_is_that_of_the_vectors(sets: tuple[Array, Array]) -> None:
    first, second = (Statistics.from_embeddings(x) for x in sets)
    expected = frechet_distance(first, second).value
    for pair in (
        (mean_covariance_of(sets[0]), mean_covariance_of(sets[1])),
        (first, mean_covariance_of(sets[1])),
        (mean_covariance_of(sets[0]), second),
    ):
        distance = frechet_distance(*pair)
        assert distance.value == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale_of(*sets))
        assert distance.value == frechet_distance(*reversed(pair)).value
        assert "the number of vectors is unknown" in distance.note


@given(arrays(np.float64, (7, 4), elements=st.floats(-1e3, 1e3)))
def test_the_factor_gives_the_covariance(vectors: Array) -> None:
    covariance = np.cov(vectors, rowvar=False)
    factor = mean_covariance_of(vectors).factor
    np.testing.assert_allclose(
        factor.T @ factor, covariance, rtol=0, atol=1e-13 * max(1, np.trace(covariance))
    )


def test_a_covariance_of_lower_rank_is_a_set_of_few_vectors() -> None:
    rng = np.random.default_rng(3)
    sets = [rng.standard_normal((count, 128)) for count in (20, 30)]
    exact = frechet_distance(*map(Statistics.from_embeddings, sets)).value
    assert frechet_distance(*map(mean_covariance_of, sets)).value == pytest.approx(exact, rel=1e-12)


def test_a_float32_covariance_gives_the_distance_to_its_rounding() -> None:
    rng = np.random.default_rng(4)
    sets = [rng.standard_normal((300, 128)) @ np.diag(np.logspace(0, -3, 128)) for _ in range(2)]
    exact = frechet_distance(*map(Statistics.from_embeddings, sets)).value
    single = [
        MeanCovariance.from_covariance(
            x.mean(axis=0).astype(np.float32), np.cov(x, rowvar=False).astype(np.float32)
        )
        for x in sets
    ]
    assert frechet_distance(*single).value == pytest.approx(exact, rel=5e-3)


def test_numbers_of_one_dimension_need_no_axes() -> None:
    scalars = MeanCovariance.from_covariance(0.5, np.cov(np.arange(4.0)))
    assert scalars.dimension == 1
    assert scalars.factor == pytest.approx(np.std(np.arange(4.0), ddof=1))


@pytest.mark.parametrize(
    ("mean", "covariance", "said"),
    [
        (np.zeros(2), np.array([[1.0, 0.5], [0.4, 1.0]]), "not symmetric"),
        (np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]), "not positive semidefinite"),
        (np.zeros(2), np.diag([1.0, -1e-6]), "not positive semidefinite"),
        (np.zeros(2), np.array([[1.0, np.nan], [np.nan, 1.0]]), "the covariance holds NaN"),
        (np.array([0.0, np.inf]), np.eye(2), "the mean holds NaN or infinity"),
        (np.zeros(3), np.eye(2), r"\(3,\) and covariance \(2, 2\)"),
        (np.zeros((2, 1)), np.eye(2), "not \\[D\\]"),
        (np.zeros(0), np.zeros((0, 0)), "not \\[D\\]"),
        (np.zeros(2), np.eye(2, dtype=complex), "complex128"),
        (np.array(["a", "b"]), np.eye(2), "the mean holds <U1"),
    ],
)
def test_what_no_set_of_vectors_has_is_refused(mean: Any, covariance: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MeanCovariance.from_covariance(mean, covariance)


def test_rounding_is_no_fault() -> None:
    covariance = np.diag([1.0, 1e-17, -1e-17])
    covariance[0, 1] = 1e-17
    assert np.count_nonzero(MeanCovariance.from_covariance(np.zeros(3), covariance).factor.any(axis=1)) == 1
