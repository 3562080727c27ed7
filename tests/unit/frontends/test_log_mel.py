"""The log-mel spectrogram, held against its definition written out slowly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad_core.frontends.filterbanks import hann_window, hertz_to_htk_mel, htk_mel_matrix
from fad_core.frontends.log_mel import log_mel_spectrogram
from fad_core.frontends.settings import LogMelSettings

VGGISH = LogMelSettings(16000, 512, 160, 64, 125.0, 7500.0, window_length=400, centred=False, log_offset=0.01)
SMALL = LogMelSettings(8000, 32, 7, 5, 200.0, 3500.0, window_length=20, centred=False, log_offset=0.5)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, count)


def weight(hertz: float, band: int, settings: LogMelSettings) -> float:
    """Height of one triangle at one frequency, in plain Python."""

    def mel(f: float) -> float:
        return 1127.0 * math.log(1 + f / 700.0)

    low, high = mel(settings.lower_hz), mel(settings.upper_hz)
    step = (high - low) / (settings.bands + 1)
    return max(0.0, 1 - abs(mel(hertz) - (low + (band + 1) * step)) / step)


def slow_log_mel(samples: np.ndarray, frame: int, settings: LogMelSettings) -> list[float]:
    """One frame by the textbook: window, discrete Fourier sum, triangles, logarithm."""
    length, points = settings.window_length, settings.fft_length
    start = frame * settings.hop_length
    windowed = [
        float(samples[start + n]) * (0.5 - 0.5 * math.cos(2 * math.pi * n / length)) for n in range(length)
    ]
    magnitudes = []
    for k in range(points // 2 + 1):
        angles = [2 * math.pi * ((k * n) % points) / points for n in range(length)]
        real = math.fsum(x * math.cos(a) for x, a in zip(windowed, angles, strict=True))
        imaginary = math.fsum(x * math.sin(a) for x, a in zip(windowed, angles, strict=True))
        magnitudes.append(math.hypot(real, imaginary))
    sums = [
        math.fsum(
            magnitudes[k] * weight(k * settings.sample_rate / points, band, settings)
            for k in range(1, points // 2 + 1)
        )
        for band in range(settings.bands)
    ]
    return [math.log(value + settings.log_offset) for value in sums]


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (15600, 96), (16000, 98)]
)
def test_only_whole_frames_count(samples: int, frames: int):
    assert VGGISH.frame_count(samples) == frames
    assert log_mel_spectrogram(np.zeros(samples), VGGISH).shape == (frames, 64)


def test_the_mel_scale():
    np.testing.assert_allclose(hertz_to_htk_mel(np.array([0.0, 700.0])), [0.0, 1127 * math.log(2)])
    assert hertz_to_htk_mel(1000.0) == pytest.approx(1000, abs=0.02)  # by which the scale is fixed


@pytest.mark.parametrize("length", [1, 2, 5, 400])
def test_the_window_is_periodic(length: int):
    expected = [math.sin(math.pi * n / length) ** 2 for n in range(length)]
    np.testing.assert_allclose(hann_window(length), expected, atol=1e-15)


@pytest.mark.parametrize("settings", [VGGISH, SMALL])
def test_the_triangles(settings: LogMelSettings):
    matrix = htk_mel_matrix(settings)
    bins = settings.fft_length // 2 + 1
    step = settings.sample_rate / settings.fft_length
    expected = [[weight(k * step, band, settings) for band in range(settings.bands)] for k in range(bins)]
    expected[0] = [0.0] * settings.bands
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    hertz = np.arange(bins) * step
    assert not matrix[(hertz <= settings.lower_hz) | (hertz >= settings.upper_hz)].any()
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1.0  # it is shared by all calls


def test_the_bin_at_zero_hertz_belongs_to_no_band():
    settings = replace(VGGISH, lower_hz=-500.0)
    assert max(weight(0.0, band, settings) for band in range(64)) > 0.5
    assert not htk_mel_matrix(settings)[0].any()


@pytest.mark.parametrize(("settings", "frames"), [(SMALL, (0, 1, 13)), (VGGISH, (0, 3))])
def test_values_are_those_of_the_definition(settings: LogMelSettings, frames: tuple[int, ...]):
    samples = noise(settings.window_length + 14 * settings.hop_length)
    found = log_mel_spectrogram(samples, settings)
    for frame in frames:
        np.testing.assert_allclose(found[frame], slow_log_mel(samples, frame, settings), atol=1e-12)


@given(amplitude=st.floats(0, 1), kind=st.sampled_from(["constant", "alternating"]))
def test_known_signals(amplitude: float, kind: str):
    """A constant lies in the bins at 0 Hz and beside it, below 125 Hz; the highest pitch above 7500 Hz."""
    signal = np.full(400, amplitude) * (1 if kind == "constant" else np.resize([1, -1], 400))
    # The zero-padding from 400 to 512 points leaks a little.
    found = np.exp(log_mel_spectrogram(signal, VGGISH)) - 0.01
    assert found.min() >= -1e-15
    assert found.max() <= 0.6 * amplitude + 1e-15


def test_silence_is_the_offset():
    assert np.unique(log_mel_spectrogram(np.zeros(2000), VGGISH)).tolist() == [math.log(0.01)]


@pytest.mark.parametrize("hertz", [200.0, 440.0, 1000.0, 5000.0])
def test_a_tone_is_loudest_in_its_band(hertz: float):
    tone = np.sin(2 * np.pi * hertz * np.arange(4000) / 16000)
    nearest = round(hertz * 512 / 16000) * 16000 / 512
    band = int(np.argmax([weight(nearest, band, VGGISH) for band in range(64)]))
    assert np.all(np.abs(np.argmax(log_mel_spectrogram(tone, VGGISH), axis=1) - band) <= 1)


def test_a_long_signal_is_the_sum_of_its_parts():
    """The blocks it is worked in do not show."""
    settings = replace(VGGISH, fft_length=64, hop_length=16, bands=8, window_length=40)
    samples = noise(16 * 2500)
    whole = log_mel_spectrogram(samples, settings)
    assert len(whole) == 2498
    for start in (0, 997, 999, 1000, 1999):
        part = log_mel_spectrogram(samples[16 * start : 16 * (start + 300)], settings)
        np.testing.assert_allclose(whole[start : start + len(part)], part, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("frames", [1, 7, 8, 9, 23, 1007])
def test_a_frame_does_not_depend_on_how_many_there_are(frames: int):
    samples = noise(VGGISH.window_length + (frames - 1) * VGGISH.hop_length)
    spectrogram = log_mel_spectrogram(samples, VGGISH)
    for frame in {0, frames // 2, frames - 1}:
        start = frame * VGGISH.hop_length
        alone = log_mel_spectrogram(samples[start : start + VGGISH.window_length], VGGISH)
        np.testing.assert_allclose(spectrogram[frame], alone[0], rtol=1e-13, atol=1e-13)


def test_float32_samples_are_worked_on_in_float64():
    samples = noise(16000).astype(np.float32)
    found = log_mel_spectrogram(samples, VGGISH)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, log_mel_spectrogram(samples.astype(np.float64), VGGISH))
