"""Resampling as torchaudio does it for fadtk."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad_core.audio.kaiser_sinc import BETA, ROLLOFF, ZERO_CROSSINGS, kaiser_sinc, kaiser_sinc_length

RATES = [(44100, 16000), (44100, 48000), (16000, 48000), (48000, 16000), (22050, 24000)]


def direct(signal: np.ndarray, rate_from: int, rate_to: int) -> np.ndarray:
    """Each output as a sum over all inputs, in float64 without any rounding."""
    cutoff = min(rate_from, rate_to) * ROLLOFF
    times = np.arange(len(signal)) / rate_from
    result = []
    for output in range(kaiser_sinc_length(len(signal), rate_from, rate_to)):
        crossings = (times - output / rate_to) * cutoff
        window = np.i0(BETA * np.sqrt((1 - (crossings / ZERO_CROSSINGS) ** 2).clip(0))) / np.i0(BETA)
        inside = np.abs(crossings) <= ZERO_CROSSINGS
        result.append(np.sum(np.sinc(crossings) * window * inside * signal) * cutoff / rate_from)
    return np.array(result)


@pytest.mark.parametrize(("rate_from", "rate_to"), RATES)
def test_it_is_the_filter_of_its_definition(rate_from: int, rate_to: int) -> None:
    signal = np.random.default_rng(0).uniform(-1, 1, 700).astype(np.float32)
    found = kaiser_sinc(np.stack([signal, -signal]), rate_from, rate_to)
    # Filters rounded to float32, of phases rounded to float32: 5e-6 was the largest of these.
    np.testing.assert_allclose(found[0], direct(signal, rate_from, rate_to), atol=1.5e-5)
    np.testing.assert_array_equal(found[1], -found[0])


@pytest.mark.parametrize(("rate_from", "rate_to"), RATES)
def test_a_tone_keeps_its_pitch_and_level(rate_from: int, rate_to: int) -> None:
    times = np.arange(rate_from // 4) / rate_from
    found = kaiser_sinc(np.sin(2 * np.pi * 440 * times, dtype=np.float32)[None], rate_from, rate_to)[0]
    expected = np.sin(2 * np.pi * 440 * np.arange(len(found)) / rate_to)
    middle = slice(len(found) // 4, -len(found) // 4)
    np.testing.assert_allclose(found[middle], expected[middle], atol=1e-4)


@given(st.integers(1, 300), st.sampled_from(RATES))
def test_its_length_is_rounded_up(samples: int, rates: tuple[int, int]) -> None:
    found = kaiser_sinc(np.ones((1, samples), np.float32), *rates)
    assert found.shape == (1, kaiser_sinc_length(samples, *rates)) and found.dtype == np.float32
    assert kaiser_sinc_length(samples, *rates) == math.ceil(samples * rates[1] / rates[0])


def test_a_long_signal_is_divided_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = np.random.default_rng(1).uniform(-1, 1, (1, 5000)).astype(np.float32)
    whole = kaiser_sinc(signal, 44100, 16000)
    monkeypatch.setattr("fad_core.audio.kaiser_sinc._BLOCK", 2000)
    np.testing.assert_allclose(kaiser_sinc(signal, 44100, 16000), whole, atol=1e-7)
    same = kaiser_sinc(signal, 8000, 8000)
    assert same is signal
    with pytest.raises(ValueError, match="positive"):
        kaiser_sinc(signal, 0, 16000)
