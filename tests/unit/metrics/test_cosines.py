"""The mean cosine and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fad_core.metrics.clap_score import cosines
from fad_core.metrics.mean_system import TOO_FEW_FILES, mean_value


def test_cosines_are_those_of_the_rows() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 7, 512))
    expected = np.diag(first @ second.T) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))
    np.testing.assert_allclose(cosines(first, second), expected, rtol=1e-12)
    np.testing.assert_array_equal(cosines(second, first), cosines(first, second))


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        (np.ones((2, 3)), np.ones((3, 3)), "do not belong together"),
        (np.ones(3), np.ones(3), "do not belong together"),
        (np.zeros((1, 3)), np.ones((1, 3)), "zero"),
        (np.full((1, 3), np.nan), np.ones((1, 3)), "not finite"),
    ],
)
def test_vectors_that_have_no_cosine(first: np.ndarray, second: np.ndarray, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        cosines(first, second)


def test_the_interval_is_that_of_student() -> None:
    values = np.random.default_rng(1).normal(0.3, 0.1, 40)
    expected = stats.t.interval(0.95, 39, np.mean(values), stats.sem(values))
    names = [f"{number}.wav" for number in range(40)]
    found = mean_value(names, values, 0.95)
    np.testing.assert_allclose((found.ci_low, found.ci_high), expected, rtol=1e-9)
    few = mean_value(names[:4], values[:4], 0.95)
    assert (few.ci_low, few.ci_high, few.note) == (None, None, TOO_FEW_FILES)
    alike = mean_value(names[:5], np.full(5, 0.25), 0.95)
    assert (alike.ci_low, alike.ci_high) == (0.25, 0.25)
