from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics import pairwise
from fad_core.metrics.pairwise import median_distance


def all_distances(x: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.sqrt(((x[:, np.newaxis] - x) ** 2).sum(axis=2))
    return distances[np.triu_indices(len(x), 1)]


@given(st.integers(0, 10_000), st.integers(2, 40), st.sampled_from([0.0, 1e3]))
def test_the_median_of_all_distances(seed: int, n: int, shift: float) -> None:
    x = np.random.default_rng(seed).standard_normal((n, 3)) + shift
    distances = np.sort(all_distances(x - shift))
    assert median_distance(x) == pytest.approx(float(np.median(distances)), rel=1e-10 if shift else 1e-12)
    lower = float(distances[(len(distances) - 1) // 2])
    assert median_distance(x, lower=True) == pytest.approx(lower, rel=1e-10 if shift else 1e-12)


@pytest.mark.parametrize("collected", [0, 1, 100, 10_000])
@pytest.mark.parametrize("block", [7, 50])
def test_passes_and_blocks_change_nothing_but_rounding(
    collected: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(1).standard_normal((90, 4))
    expected = float(np.median(all_distances(x)))
    monkeypatch.setattr(pairwise, "_COLLECTED", collected)
    monkeypatch.setattr(pairwise, "_BINS", 16)
    monkeypatch.setattr("fad_core.metrics.pairwise.row_blocks.__defaults__", (block,))
    assert median_distance(x) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("collected", [1, 10_000])
def test_ties(collected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All corners of a simplex are equally far from each other."""
    monkeypatch.setattr(pairwise, "_COLLECTED", collected)
    assert median_distance(np.eye(30)) == pytest.approx(2**0.5, rel=1e-12)
    assert median_distance(np.repeat([[0.0], [1.0], [3.0]], [1, 2, 9], axis=0)) == 0.0


def test_two_distances_far_apart_are_averaged() -> None:
    assert median_distance([[0.0], [0.0], [0.0], [1e6]]) == pytest.approx(5e5)
    assert median_distance([[0.0], [0.0], [0.0], [1e6]], lower=True) == 0.0


def test_a_sample_of_many_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise, "MOST_VECTORS", 300)
    x = np.random.default_rng(2).standard_normal((2000, 6))
    first = median_distance(x)
    assert first == median_distance(x, seed=0) != median_distance(x, seed=1)
    assert first == pytest.approx(float(np.median(all_distances(x))), rel=0.05)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0]], "at least 2 vectors, not 1"),
        ([[1.0], [np.inf]], "NaN or infinity"),
        ([1.0, 2.0], r"must be real numbers \[N, D\]"),
        ([["a"], ["b"]], "must be real numbers"),
    ],
)
def test_what_is_no_set_of_vectors_is_refused(vectors: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        median_distance(vectors)  # type: ignore[arg-type]
