from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from vector_sets import VectorSet, vector_set

from fad_core.errors import ArgumentError, ConfigError
from fad_core.metrics import choose_metric
from fad_core.metrics.base import SetVectors
from fad_core.metrics.kernels import CubicKernel, GaussianKernel, Kernel, kernel_distance
from fad_core.metrics.pairwise import BLOCK

Array = NDArray[np.float64]
Formula = Callable[[Array, Array], float]


def gaussian(gamma: float, x: Array, y: Array) -> float:
    return math.exp(-gamma * math.fsum((x - y) ** 2))


def cubic(x: Array, y: Array) -> float:
    return (math.fsum(x * y) / len(x) + 1) ** 3


KERNELS: list[tuple[Kernel, Formula]] = [
    (GaussianKernel(0.05), partial(gaussian, 0.05)),
    (CubicKernel(), cubic),
]


def mean_within(files: list[Array], k: Formula, same_file: bool) -> float:
    indexed = [(index, row) for index, file in enumerate(files) for row in file]
    pairs = [k(x, y) for (f, x), (g, y) in itertools.combinations(indexed, 2) if same_file or f != g]
    return math.fsum(pairs) / len(pairs)


def mmd(x: list[Array], y: list[Array], k: Formula, same_file: bool) -> float:
    across = [k(a, b) for a in np.concatenate(x) for b in np.concatenate(y)]
    within = mean_within(x, k, same_file) + mean_within(y, k, same_file)
    return within - 2 * math.fsum(across) / len(across)


def files(seed: int, counts: tuple[int, ...], shift: float = 0.0, dimension: int = 5) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((count, dimension)) + rng.standard_normal(dimension) + shift for count in counts
    ]


def as_set(parts: list[Array]) -> SetVectors:
    return vector_set(np.concatenate(parts), tuple(map(len, parts)))


COUNTS = (3, 1, 4, 2, 1, 2), (2, 2, 5, 1, 1)


@pytest.mark.parametrize(("kernel", "formula"), KERNELS)
def test_equals_the_sums_over_all_pairs(kernel: Kernel, formula: Formula) -> None:
    x, y = files(0, COUNTS[0]), files(1, COUNTS[1], shift=0.5)
    distance = kernel_distance(as_set(x), as_set(y), kernel)
    assert distance.value == pytest.approx(mmd(x, y, formula, same_file=True), rel=1e-12)
    assert distance.corrected == pytest.approx(mmd(x, y, formula, same_file=False), rel=1e-12)
    without = distance.without_each_file()
    for index in range(len(x)):
        expected = mmd(x[:index] + x[index + 1 :], y, formula, same_file=False)
        assert without[0][index] == pytest.approx(expected, rel=1e-11)
    for index in range(len(y)):
        expected = mmd(x, y[:index] + y[index + 1 :], formula, same_file=False)
        assert without[1][index] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("kernel", [kernel for kernel, _ in KERNELS])
def test_blocks_change_nothing_but_rounding(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = as_set(files(2, (9,) * 5)), as_set(files(3, (7, 30, 3, 1, 1), shift=0.3))
    whole = kernel_distance(x, y, kernel)
    monkeypatch.setattr("fad_core.metrics.pairwise.row_blocks.__defaults__", (7,))
    small = kernel_distance(x, y, kernel)
    assert small.value == pytest.approx(whole.value, rel=1e-12)
    for one, other in zip(small.without_each_file(), whole.without_each_file(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_sets_of_more_than_one_block() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((BLOCK + 100, 3)), rng.standard_normal((BLOCK + 1, 3)) + 0.5
    distance = kernel_distance(vector_set(x), vector_set(y), GaussianKernel(0.3))

    def mean(a: Array, b: Array) -> float:
        squares = ((a[:, np.newaxis] - b) ** 2).sum(axis=2)
        total = float(np.exp(-0.3 * squares).sum())
        return (total - len(a)) / (len(a) * (len(a) - 1)) if a is b else total / (len(a) * len(b))

    assert distance.value == pytest.approx(mean(x, x) + mean(y, y) - 2 * mean(x, y), rel=1e-12)


@given(st.integers(0, 1000), st.sampled_from([0.0, 1.0, 1e3]))
def test_invariances(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((12, 4)), rng.standard_normal((9, 4)) + 1
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    for kernel in (GaussianKernel(0.1), CubicKernel()):
        value = kernel_distance(vector_set(x), vector_set(y), kernel).value
        same = [(x[::-1], y[rng.permutation(9)]), (x @ rotation, y @ rotation)]
        if isinstance(kernel, GaussianKernel):
            same.append((x + shift, y + shift))
        for pair in same:
            other = kernel_distance(vector_set(pair[0]), vector_set(pair[1]), kernel)
            assert other.value == pytest.approx(value, abs=1e-12 * (1 + shift))
        swapped = kernel_distance(vector_set(y), vector_set(x), kernel)
        assert swapped.value == pytest.approx(value, abs=1e-13)


def test_one_vector_a_file_leaves_nothing_to_correct() -> None:
    x, y = np.random.default_rng(5).standard_normal((2, 20, 3))
    distance = kernel_distance(vector_set(x), vector_set(y), GaussianKernel(0.2))
    assert distance.corrected == pytest.approx(distance.value, rel=1e-12)


def test_files_without_vectors_do_not_count() -> None:
    x, y = files(0, COUNTS[0]), files(1, COUNTS[1])
    whole = kernel_distance(as_set(x), as_set(y), GaussianKernel(0.2))
    padded = as_set(x)
    padded = SetVectors(("", *padded.files, ""), (0, *padded.counts, 0), padded.vectors)
    assert kernel_distance(padded, as_set(y), GaussianKernel(0.2)).effects().interval(
        0.95
    ) == whole.effects().interval(0.95)


def covers(trials: int, counts: tuple[int, ...], shift: float) -> float:
    """How often the 95 % interval holds the value of a large sample."""

    def draw(rng: np.random.Generator, number: int, offset: float) -> SetVectors:
        size = counts[0]
        of_file = rng.standard_normal((number, 1, 8)) * math.sqrt(0.5)
        rows = of_file + rng.standard_normal((number, size, 8)) * math.sqrt(0.5) + offset
        return vector_set(rows.reshape(-1, 8), (size,) * number)

    # The difference of two vectors is N(shift or 0, 2 I), of which the mean of exp(-γ d²) is known.
    gamma = 1 / 8
    base = (1 + 4 * gamma) ** -4
    true = 2 * base * (1 - math.exp(-gamma * 8 * shift**2 / (1 + 4 * gamma)))
    hits = 0
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        sets = [draw(rng, len(counts), offset) for offset in (0.0, shift)]
        interval = kernel_distance(*sets, GaussianKernel(gamma)).effects().interval(0.95)
        assert interval is not None
        hits += interval[0] <= true <= interval[1]
    return hits / trials


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("counts", [(1,) * 20, (4,) * 15])
def test_intervals_cover(counts: tuple[int, ...], shift: float) -> None:
    assert covers(60, counts, shift) >= 0.85


SETS = [VectorSet(as_set(files(seed, (2,) * 8, shift))) for seed, shift in ((0, 0.0), (1, 0.4))]


def test_bandwidths() -> None:
    rows = [each.vectors.vectors for each in SETS]
    distances = [np.sqrt(((x[:, np.newaxis] - x) ** 2).sum(axis=2))[np.triu_indices(16, 1)] for x in rows]
    sigmas = {
        "reference": float(np.median(distances[0])),
        "evaluation": float(np.median(distances[1])),
        "kadtk": float(np.sort(distances[1])[(len(distances[1]) - 1) // 2]),
    }
    values = set()
    for name, sigma in sigmas.items():
        value = choose_metric(f"kad bandwidth={name}").compute(*SETS)
        number = choose_metric(f"kad bandwidth={sigma!r}").compute(*SETS)
        assert value.value == pytest.approx(number.value, rel=1e-8 if name == "kadtk" else 1e-12)
        values.add(value.value)
    assert len(values) == 3
    assert choose_metric("kad").compute(*SETS) == choose_metric("kad bandwidth=reference").compute(*SETS)


@pytest.mark.parametrize(
    "text", ["bandwidth=0", "bandwidth=-1", "bandwidth=nan", "bandwidth=median", "level=1"]
)
def test_options_without_a_valid_value_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be"):
        choose_metric(f"kad {text}")


def test_kad_is_a_hundredfold_and_kid_is_not() -> None:
    kad = choose_metric("kad bandwidth=2").compute(*SETS)
    plain = kernel_distance(SETS[0].vectors, SETS[1].vectors, GaussianKernel(1 / 8))
    assert plain.corrected is not None
    assert kad.value == pytest.approx(100 * plain.value)
    assert kad.corrected == pytest.approx(100 * plain.corrected)
    assert kad.bias == pytest.approx(100 * (plain.value - plain.corrected))
    assert kad.ci_low is not None and kad.ci_high is not None
    assert kad.ci_low < 100 * plain.corrected < kad.ci_high
    assert kad.note == ""
    kid = choose_metric("kid").compute(*SETS)
    assert kid.value == kernel_distance(SETS[0].vectors, SETS[1].vectors, CubicKernel()).value


def test_a_higher_level_is_wider() -> None:
    low, high = (choose_metric(f"kid level={level}").compute(*SETS) for level in (0.5, 0.99))
    assert high.ci_low < low.ci_low < low.ci_high < high.ci_high  # type: ignore[operator]


@pytest.mark.parametrize(("counts", "corrected"), [((16,), False), ((4,) * 4, True)])
def test_few_files_give_a_value_and_the_reason_for_no_interval(
    counts: tuple[int, ...], corrected: bool
) -> None:
    few = VectorSet(vector_set(SETS[0].vectors.vectors, counts))
    for name in ("kad", "kid"):
        value = choose_metric(name).compute(few, SETS[1])
        assert value.value == pytest.approx(choose_metric(name).compute(*SETS).value, rel=1e-12)
        assert (value.ci_low, value.ci_high) == (None, None)
        assert (value.corrected is not None, value.bias is not None) == (corrected, corrected)
        assert value.note == "no interval: it needs 5 files in each set"


def test_equal_vectors() -> None:
    same = VectorSet(vector_set(np.full((8, 3), 0.1, dtype=np.float32)))
    with pytest.raises(ArgumentError, match="bandwidth=reference is zero"):
        choose_metric("kad").compute(same, SETS[0])
    value = choose_metric("kad bandwidth=1").compute(same, same)
    assert (value.value, value.ci_low, value.ci_high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_sets_that_do_not_allow_a_value_are_refused() -> None:
    one, flat = vector_set([[0.0, 1.0]]), vector_set(np.zeros((5, 2)))
    for pair, message in [
        ((one, flat), "reference: 1 vector"),
        ((flat, one), "evaluation: 1 vector"),
        ((flat, vector_set(np.zeros((5, 3)))), "reference has 2 dimensions, evaluation has 3"),
        ((flat, vector_set(np.full((5, 2), np.nan))), "evaluation: a vector holds NaN"),
        ((flat, vector_set(np.full((5, 2), 1e200))), "not a finite number"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            kernel_distance(*pair, CubicKernel())
