"""The part of a long file that is embedded, and how a short one fills the window."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad_core.models.crops import crop_number, part_starts, repeat_to_fill, window_starts
from fad_core.models.options import Options

WINDOW, RATE = 480_000, 48_000


def starts(samples: int, settings: Options, key: str = "a file") -> list[int]:
    return window_starts(samples, WINDOW, RATE, settings, key).tolist()


def test_a_files_number_is_what_it_always_was():
    assert crop_number(0, "") == 2_834_085_715
    assert crop_number(7, "music") == 3_204_141_178


@pytest.mark.parametrize("samples", [480_001, 480_480, 1_440_000, 8_640_000])
def test_the_random_crop_is_the_originals(samples: int):
    """What `laion_clap` draws from NumPy's global stream, seeded with the file's number."""
    np.random.seed(crop_number(3, "a file"))  # noqa: NPY002
    expected = np.random.randint(0, samples - WINDOW + 1)  # noqa: NPY002
    assert starts(samples, Options(seed=3)) == [expected]


@pytest.mark.parametrize("places", [2, 3, 4, 5, 2000, 17_000])
def test_the_random_parts_are_the_originals(places: int):
    np.random.seed(crop_number(3, "a file"))  # noqa: NPY002
    ranges = np.array_split(list(range(places)), 3)
    ranges[2] = ranges[2] if len(ranges[2]) else np.array([0])
    expected = tuple(np.random.choice(part) for part in ranges)  # noqa: NPY002
    assert part_starts(places, Options(seed=3), "a file") == expected


def test_crops_depend_on_the_file_and_the_seed_alone():
    drawn = [starts(8_640_000, Options(seed=seed), key) for seed in (0, 1) for key in ("a", "b")]
    assert len({start for (start,) in drawn}) == 4
    assert drawn == [starts(8_640_000, Options(seed=seed), key) for seed in (0, 1) for key in ("a", "b")]


def test_first_and_center():
    assert starts(1_440_001, Options(crop="first")) == [0]
    assert starts(1_440_001, Options(crop="center")) == [480_000]
    assert part_starts(9, Options(crop="first"), "") == (0, 3, 6)
    assert part_starts(9, Options(crop="center"), "") == (1, 4, 7)
    # Two places: the last third has none, and starts at the file's start, as in the original.
    assert part_starts(2, Options(crop="center"), "") == (0, 1, 0)


@pytest.mark.parametrize("crop", ["random", "first", "center", "windows"])
@pytest.mark.parametrize("samples", [1, 4800, 480_000])
def test_a_file_of_up_to_a_window_has_one_window(crop: str, samples: int):
    assert starts(samples, Options(crop=crop)) == [0]  # type: ignore[arg-type]


@given(st.integers(1, 3_000_000), st.floats(0.5, 12.0))
def test_windows_follow_each_other_and_the_last_one_ends_with_the_file(samples: int, hop: float):
    found = starts(samples, Options(crop="windows", hop_seconds=hop))
    *regular, last = found
    assert regular == [round(hop * RATE) * index for index in range(len(regular))]
    assert last == max(samples - WINDOW, 0)
    assert found == sorted(set(found)), "no window twice"
    assert all(after - before <= round(hop * RATE) for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("samples", "times"), [(1, 480_000), (4800, 100), (160_001, 2), (240_000, 2), (479_999, 1)]
)
def test_a_short_file_is_repeated_whole_and_zeros_follow(samples: int, times: int):
    signal = np.random.default_rng(samples).uniform(0.1, 1, samples).astype(np.float32)
    filled = repeat_to_fill(signal, WINDOW)
    assert filled.shape == (WINDOW,) and filled.dtype == np.float32
    np.testing.assert_array_equal(filled[: samples * times], np.concatenate([signal] * times))
    assert not filled[samples * times :].any()
