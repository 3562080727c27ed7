from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from vector_sets import VectorSet, vector_set

from fad_core.errors import ArgumentError, ConfigError
from fad_core.metrics import choose_metric, get_metric, neighbours
from fad_core.metrics.neighbours import NeighbourShares, neighbour_shares

Array = NDArray[np.float64]
NAMES = ("precision", "recall", "density", "coverage")


def squared(x: Array, y: Array) -> Array:
    distances: Array = ((x[:, np.newaxis] - y) ** 2).sum(axis=2)
    return distances


def formula(x: Array, y: Array, k: int) -> NeighbourShares:
    """The definitions, without a matrix product."""
    x_radii, y_radii = (np.sort(squared(each, each), axis=1)[:, k] for each in (x, y))
    inside = squared(x, y) < x_radii[:, np.newaxis]
    return NeighbourShares(
        precision=inside.any(axis=0).mean(),
        recall=(squared(x, y) < y_radii).any(axis=1).mean(),
        density=inside.sum(axis=0).mean() / k,
        coverage=inside.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("n", "m", "d"), [(40, 60, 3), (70, 6, 8), (100, 100, 1)])
def test_equals_the_definition(n: int, m: int, d: int, k: int) -> None:
    rng = np.random.default_rng(n + k)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d)) * 1.3 + 0.2
    assert neighbour_shares(x, y, k) == formula(x, y, k)


# Whole numbers: many distances are equal to radii, and many vectors to each other.
points = st.integers(5, 14).flatmap(
    lambda n: hnp.arrays(np.float64, (n, 2), elements=st.integers(0, 3).map(float))
)


@given(points, points, st.integers(1, 4))
def test_ties_are_decided_exactly(x: Array, y: Array, k: int) -> None:
    assert neighbour_shares(x, y, k) == formula(x, y, k)


def test_a_set_and_itself() -> None:
    x = np.random.default_rng(3).standard_normal((300, 64)).astype(np.float32)
    for shift in (0, 1000):
        shares = neighbour_shares(x + shift, x + shift, 5)
        # A vector's ball holds itself and four others; the fifth is on its surface.
        assert shares == NeighbourShares(1.0, 1.0, 1.0, 1.0)


def test_blocks_and_order_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((40, 3))
    whole = neighbour_shares(x, y)
    assert neighbour_shares(x[::-1], rng.permutation(y)) == whole
    monkeypatch.setattr(neighbours, "_ELEMENTS", 100)
    assert neighbour_shares(x, y) == whole


def test_far_sets_share_nothing() -> None:
    x = np.random.default_rng(5).standard_normal((20, 3))
    assert neighbour_shares(x, x + 100) == NeighbourShares(0.0, 0.0, 0.0, 0.0)


def test_metrics_share_one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    sets = [VectorSet(vector_set(rng.standard_normal((30, 2)))) for _ in range(2)]
    expected = neighbour_shares(*(each.vectors.vectors for each in sets), 3)
    calls = []

    def counted(*arguments: object) -> NeighbourShares:
        calls.append(arguments)
        return expected

    monkeypatch.setattr(neighbours, "neighbour_shares", counted)
    for name in NAMES:
        value = choose_metric(f"{name} nearest_k=3").compute(*sets)
        assert value.value == getattr(expected, name)
        assert (value.ci_low, value.ci_high) == (None, None)
        assert value.note.startswith("no interval: ")
        assert get_metric(name).higher_is_better
    assert len(calls) == 1
    choose_metric("recall").compute(*sets)
    choose_metric("recall").compute(sets[1], sets[0])
    assert len(calls) == 3


def test_sets_and_options_that_do_not_allow_a_value_are_refused() -> None:
    x = np.zeros((6, 2))
    assert neighbour_shares(x, x) == NeighbourShares(0.0, 0.0, 0.0, 0.0)
    for pair, message in [
        ((x[:5], x), "reference: 5 vectors; nearest_k=5 needs at least 6"),
        ((x, x[:0]), "evaluation: 0 vectors"),
        ((x, np.zeros((6, 3))), "reference has 2 dimensions, evaluation has 3"),
        ((x, np.full((6, 2), np.nan)), "evaluation: a vector holds NaN"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            neighbour_shares(*pair)
    with pytest.raises(ArgumentError, match="nearest_k must be a whole number"):
        neighbour_shares(x, x, 0)
    with pytest.raises(ConfigError, match="nearest_k must be a whole number"):
        choose_metric("density nearest_k=0")
