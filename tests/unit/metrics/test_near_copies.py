"""Files that are nearer to a file of the reference than these are to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fad_core.errors import ArgumentError
from fad_core.metrics.base import SetVectors
from fad_core.metrics.near_copies import near_copies
from fad_core.metrics.pairwise import BLOCK

Files = Sequence[NDArray[Any]]


def drawn(seed: int, counts: Sequence[int], dimension: int = 8) -> list[NDArray[np.float32]]:
    """Vectors of files: those of one file resemble each other."""
    random = np.random.default_rng(seed)
    return [
        (random.normal(size=dimension) + random.normal(size=(count, dimension)) / 2).astype(np.float32)
        for count in counts
    ]


def set_of(files: Files) -> SetVectors:
    return SetVectors.of((f"{place}.wav", each) for place, each in enumerate(files))


def distance(file: NDArray[Any], other: NDArray[Any]) -> float:
    apart = np.linalg.norm(file[:, None].astype(float) - other[None], axis=2)
    return float(apart.min(axis=1).mean())


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 4), min_size=2, max_size=6),
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
)
def test_they_are_what_the_definition_says(seed: int, counts: list[int], others: list[int]) -> None:
    reference, evaluation = drawn(seed, counts, 2), drawn(seed + 1, others, 2)
    least = [
        min(distance(each, other) for place, other in enumerate(reference) if place != own)
        for own, each in enumerate(reference)
    ]
    expected = {}
    for place, file in enumerate(evaluation):
        distances = [distance(file, each) for each in reference]
        if min(distances) < min(least):
            expected[f"{place}.wav"] = (
                f"{np.argmin(distances)}.wav",
                pytest.approx(min(distances), rel=1e-6),
            )
    found = near_copies(set_of(reference), set_of(evaluation))
    assert {copy.file: (copy.reference_file, copy.distance) for copy in found.copies} == expected
    assert [copy.distance for copy in found.copies] == sorted(copy.distance for copy in found.copies)
    for copy in found.copies:
        assert (copy.threshold, copy.median) == (pytest.approx(min(least)), pytest.approx(np.median(least)))
    assert found.by_chance == 2 * len(others) / (len(counts) + 1)


def test_a_copy_a_noisy_copy_and_a_cut_one_are_found_and_unrelated_files_are_not() -> None:
    reference = drawn(0, [12] * 40)
    noise = np.random.default_rng(1).normal(0, 0.05, (12, 8))
    copies = [reference[7], reference[8] + noise, reference[9][3:8], *drawn(2, [12] * 5)]
    found = near_copies(set_of(reference), set_of(copies))
    assert [(copy.file, copy.reference_file) for copy in found.copies] == [
        ("0.wav", "7.wav"),
        ("2.wav", "9.wav"),
        ("1.wav", "8.wav"),
    ]
    assert [copy.distance for copy in found.copies][:2] == [0, 0] and found.copies[2].distance < 0.2
    assert found.note == (
        "3 files are nearer to a reference file than reference files are to each other "
        "(by chance, 0.39 at most)"
    )
    unrelated = near_copies(set_of(reference), set_of([each + 3 for each in drawn(3, [12] * 40)]))
    assert unrelated.copies == () and unrelated.note == ""


def test_copies_within_the_reference_do_not_hide_others() -> None:
    reference = drawn(0, [5] * 10)
    doubled = [*reference, reference[3]]
    alone, both = (near_copies(set_of(each), set_of(reference[:1])) for each in (reference, doubled))
    assert (
        both.copies[0].threshold == pytest.approx(alone.copies[0].threshold) and both.copies[0].distance == 0
    )
    same = near_copies(set_of([reference[3]] * 2), set_of(reference[:1]))
    assert same.copies == () and same.note == (
        "near copies are unknown: the reference has no two files that differ"
    )


@pytest.mark.parametrize("counts", [[BLOCK + 7, 3, 2 * BLOCK, 5, 0, 1], [3] * (BLOCK // 2)])
def test_files_may_be_of_any_length_or_number(counts: list[int]) -> None:
    files = drawn(0, counts, 3)
    found = near_copies(set_of(files), set_of([each + np.float32(1e-4) for each in files]))
    places = [place for place, count in enumerate(counts) if count]
    assert {(copy.file, copy.reference_file) for copy in found.copies} == {(f"{k}.wav",) * 2 for k in places}
    assert max(copy.distance for copy in found.copies) == pytest.approx(1e-4 * np.sqrt(3), rel=1e-2)


def test_files_drawn_alike_are_seldom_found() -> None:
    """In 400 draws of 20 and 20 files; the bound holds for the mean of their number."""
    numbers, bound = [], 0.0
    for seed in range(400):
        files = drawn(seed, [3] * 40)
        found = near_copies(set_of(files[:20]), set_of(files[20:]))
        numbers.append(len(found.copies))
        bound = found.by_chance or 0
    error = np.std(numbers) / np.sqrt(len(numbers))
    assert 0.5 < np.mean(numbers) < bound + 2 * error


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="dimensions"):
        near_copies(set_of(drawn(0, [2, 2])), set_of(drawn(0, [2], 3)))
