from __future__ import annotations

import subprocess
import sys
from functools import partial
from timeit import repeat

import numpy as np
import pytest
import resampy
import soundfile
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fad_core.audio import polyphase, read_audio, to_mono
from fad_core.audio.resample import resample, resampled_length
from fad_core.util import jit as compiled

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)


def noise(channels: int, samples: int) -> np.ndarray:
    return np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 3000),
    st.one_of(st.sampled_from(RATES), st.integers(4000, 200_000)),
    st.sampled_from((8000, 16000, 24000, 32000, 48000)),
)
def test_length_is_what_resampy_returns(samples, rate_from, rate_to):
    expected = resampled_length(samples, rate_from, rate_to)
    x = np.zeros(samples, np.float32)
    if expected == 0:
        with pytest.raises(ValueError, match="too small"):
            resampy.resample(x, rate_from, rate_to)
        with pytest.raises(ValueError, match="too few"):
            resample(x[None], rate_from, rate_to)
    else:
        assert len(resampy.resample(x, rate_from, rate_to)) == expected
        assert resample(x[None], rate_from, rate_to).shape == (1, expected)


@pytest.mark.parametrize("rate_from", RATES)
@pytest.mark.parametrize("rate_to", [8000, 16000, 48000])
def test_each_channel_is_bit_equal_to_resampy(rate_from, rate_to):
    x = noise(2, 2000)
    y = resample(x, rate_from, rate_to)
    assert y.dtype == np.float32
    for channel, result in zip(x, y, strict=True):
        assert result.tobytes() == resampy.resample(channel, rate_from, rate_to).tobytes()


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
def test_loading_is_the_arithmetic_of_the_original_package(tmp_path, channels, subtype):
    path = tmp_path / "clip.wav"
    soundfile.write(path, 0.2 * noise(channels, 9000).T, 44100, subtype=subtype)

    original, rate = soundfile.read(path, dtype="float32")
    if original.ndim > 1:
        original = np.mean(original, axis=1)
    original = resampy.resample(original, rate, 16000)

    waveform, rate = read_audio(path)
    ours = resample(to_mono(waveform), rate, 16000)
    assert ours.shape == (1, len(original))
    assert ours.tobytes() == original.tobytes()


def test_no_change_at_the_same_rate():
    x = noise(2, 10)
    np.testing.assert_array_equal(resample(x, 16000, 16000), x)
    assert resampled_length(10, 16000, 16000) == 10
    assert resampled_length(0, 8000, 16000) == 0


@pytest.mark.parametrize(
    ("samples", "rates", "words"),
    [
        (2, (44100, 16000), "2 samples at 44100 Hz are too few for one sample at 16000 Hz"),
        (0, (16000, 16000), "too few"),
        (100, (0, 16000), "must be positive"),
        (100, (16000, -1), "must be positive"),
        (9_000_000, (9_000_000, 16000), "more than a factor of 512"),
    ],
)
def test_what_cannot_be_resampled(samples, rates, words):
    with pytest.raises(ValueError, match=words):
        resample(np.zeros((1, samples), np.float32), *rates)


def test_largest_reduction_is_still_computed():
    assert resample(noise(1, 600_000), 512 * 8000, 8000).shape == (1, 1171)


@pytest.mark.parametrize("samples", [5000, 44_100, 100_003])
@pytest.mark.parametrize(
    ("rate_from", "rate_to"),
    [
        (44100, 16000),
        (44100, 48000),
        (48000, 16000),
        (22050, 32000),
        (11025, 8000),
        (16000, 24000),
        (7350, 8000),
    ],
)
def test_many_samples_at_once_are_bit_equal_to_resampy(rate_from, rate_to, samples):
    length = resampled_length(samples, rate_from, rate_to)
    x = noise(1, samples)
    result = polyphase.resample_rows(x, rate_from, rate_to, length)
    assert result.tobytes() == resampy.resample(x, rate_from, rate_to).tobytes()


@settings(max_examples=60)
@given(st.integers(1, 4000), st.integers(1000, 100_000), st.integers(1000, 100_000))
def test_any_ratio_and_length_is_bit_equal_to_resampy(samples, rate_from, rate_to):
    length = resampled_length(samples, rate_from, rate_to)
    assume(length and rate_from != rate_to and rate_to <= 40 * rate_from and rate_from <= 40 * rate_to)
    x = noise(1, samples)
    result = polyphase.resample_rows(x, rate_from, rate_to, length)
    assert result.tobytes() == resampy.resample(x, rate_from, rate_to).tobytes()


def test_a_signal_that_is_zero_or_huge_or_tiny_is_bit_equal_too():
    for scale in (0.0, 1e-42, 1e30):
        x = (scale * noise(2, 8000)).astype(np.float32)
        result = polyphase.resample_rows(x, 44100, 16000, resampled_length(8000, 44100, 16000))
        assert result.tobytes() == resampy.resample(x, 44100, 16000).tobytes()


ORDER = """
import hashlib, sys, numpy as np
from fad_core.audio.resample import resample
noise = np.random.default_rng(0).uniform(-1, 1, (1, 4410))
for kind in sys.argv[1:]:
    made = resample(noise.astype(kind), 44100, 47999)
print(made.dtype, hashlib.sha256(made.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_what_was_resampled_before_does_not_matter():
    """By resampy itself: this ratio has as many phases as there are samples."""

    def last(*kinds: str) -> str:
        command = [sys.executable, "-c", ORDER, *kinds]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert last("float64", "float32") == last("float32")
    assert last("float32", "float64") == last("float64")


def test_it_is_faster_than_resampy():
    """Side by side, with so much to spare that a busy machine does not matter."""
    x = noise(1, 441_000)
    both = (partial(resample, x, 44100, 16000), partial(resampy.resample, x, 44100, 16000))
    ours, theirs = (min(repeat(work, number=1, repeat=5)) for work in both)
    assert 3 * ours < theirs


def test_it_compiles_without_a_writable_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(**options: bool) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiled, "njit", refusing)
    assert compiled.compiled(len) is len
