"""The clips of the live verification: the same everywhere, and what can go wrong is among them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import takewhile

import numpy as np
import pytest
from fad_study.reference.cases import RATES, Case, golden_set, verification_set
from fad_study.reference.melody import melody

from fad_core.models import get_model
from fad_core.verification.clips import EVALUATION_GROUP, REFERENCE_GROUP, clips

VGGISH = get_model("vggish")
# No network is needed: the clips depend on these alone.
STEREO = replace(VGGISH, sample_rate=8000, channels=2, minimum_samples=1)

# Of all cases' names and clips' hashes. Changed on purpose, they change nothing that is stored.
SHA256 = {
    "mono": "d07a2a21589c7428f1a1c69ddac5ba915845661025ca82969f5efacba97f8bce",
    "stereo": "9f6a16b6d6411fce31cc2cb6c5f7ce85808a032ab5194bf274883dda9053d44c",
}


@pytest.fixture(scope="module")
def mono() -> dict[str, Case]:
    return dict(verification_set(VGGISH))


@pytest.fixture(scope="module")
def stereo() -> dict[str, Case]:
    return dict(verification_set(STEREO))


def digest(cases: dict[str, Case]) -> str:
    text = "".join(f"{name} {case.clip.sha256} {case.group} {case.loading}\n" for name, case in cases.items())
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_cases_are_bit_for_bit_the_pinned_ones(mono, stereo):
    assert {"mono": digest(mono), "stereo": digest(stereo)} == SHA256


@pytest.mark.parametrize("name", ["mono", "stereo"])
def test_lengths_rates_channels_and_sounds_are_covered(name: str, request: pytest.FixtureRequest):
    cases: dict[str, Case] = request.getfixturevalue(name)
    model = VGGISH if name == "mono" else STEREO
    own = [case.clip for case in cases.values() if case.clip.sample_rate == model.sample_rate]
    samples = {clip.samples.shape[1] for clip in own}
    rate = model.sample_rate
    wanted = {model.minimum_samples, rate, rate * 999 // 100, 10 * rate, rate * 1001 // 100, 30 * rate}
    assert {*wanted, 180 * rate} <= samples
    for channels in range(1, model.channels + 1):
        rates = {case.clip.sample_rate for case in cases.values() if len(case.clip.samples) == channels}
        assert set(RATES) <= rates
    widest = {len(case.clip.samples) for case in cases.values()}
    assert widest == ({1, 2, 6} if model.channels == 1 else {1, 2})
    assert any(not clip.samples.any() for clip in own)
    assert any(np.count_nonzero(clip.samples) == len(clip.samples) for clip in own)
    seconds = sum(case.clip.samples.shape[1] / case.clip.sample_rate for case in cases.values())
    assert seconds < 310


def test_what_the_original_cannot_load_comes_resampled(stereo, mono):
    assert all(case.loading == "file" for case in mono.values())
    for name, case in stereo.items():
        broken = len(case.clip.samples) > 1 and case.clip.sample_rate != STEREO.sample_rate
        assert (case.loading != "file") == broken, name
        assert len(case.clip.samples) <= 2


def test_channels_of_a_clip_differ(stereo):
    for name, case in stereo.items():
        if len(case.clip.samples) == 2 and name != "silence_2s":
            assert not np.array_equal(*case.clip.samples), name


def test_both_groups_have_vectors_for_a_covariance(mono, stereo):
    for cases in (mono, stereo):
        for group in ("reference", "evaluation"):
            assert sum(case.group == group for case in cases.values()) >= 5


def test_cases_are_made_one_by_one():
    first = takewhile(lambda item: item[0] != "music_30s", verification_set(STEREO))
    assert [name for name, _ in first][:2] == ["shortest", "silence_2s"]


def test_music_changes_all_the_time_and_is_not_clipped():
    rate = 8000
    tune = melody(60 * rate, rate, key=3)
    assert np.abs(tune).max() < 1.1
    seconds = tune.reshape(60, rate)
    for lag in range(1, 30):
        assert not np.any(np.all(seconds[lag:] == seconds[:-lag], axis=1)), lag
    np.testing.assert_array_equal(tune[:rate], melody(rate, rate, key=3))


def test_stored_cases_are_all_clips_that_the_original_can_embed():
    cases = dict(golden_set(VGGISH))
    assert list(cases) == [name for name in clips() if not name.startswith("wide_")]
    assert {name for name, case in cases.items() if case.group == "reference"} == set(REFERENCE_GROUP) & set(
        cases
    )
    assert {name for name, case in cases.items() if case.group == "evaluation"} == set(EVALUATION_GROUP)
    facts = replace(VGGISH.verification, bandwidth=14000.0)
    wide = dict(golden_set(replace(VGGISH, verification=facts)))
    assert set(wide) - set(cases) == {name for name in clips() if name.startswith("wide_")}
    assert min(case.clip.sample_rate for case in wide.values()) == 32000
    stereo = dict(golden_set(replace(STEREO, sample_rate=48000)))
    assert set(cases) - set(stereo) == {"long", "surround_48000"}
    resampled = {name for name, case in stereo.items() if case.loading == "resampled"}
    assert resampled == {"stereo_16000", "stereo_44100"}
