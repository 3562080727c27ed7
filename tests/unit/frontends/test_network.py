"""The spectrogram inside PANN's and CLAP's networks, and the tables that it is made of."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from fad_core.frontends.filterbanks import fourier_kernels, portable_hann_window, slaney_mel_matrix
from fad_core.frontends.network import LogmelFilterBank, Spectrogram
from fad_core.frontends.settings import LogMelSettings
from fad_core.models.log_mel import log_mel_layout

SETTINGS = LogMelSettings(16000, fft_length=512, hop_length=160, bands=64, lower_hz=50, upper_hz=8000)


def _network(settings: LogMelSettings, *, centred: bool = True) -> torch.nn.Module:
    network = torch.nn.Module()
    network.spectrogram_extractor = Spectrogram(settings.fft_length, settings.hop_length, centred=centred)
    network.logmel_extractor = LogmelFilterBank(settings.fft_length, settings.bands)
    tables = {name: torch.from_numpy(fill.values()) for name, fill in log_mel_layout(settings).items()}
    network.load_state_dict(tables)
    return network.requires_grad_(False)


def _power(waveform: np.ndarray, settings: LogMelSettings) -> np.ndarray:
    """In float64, by the fast transform: `[frames, bins]` of whole frames."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), settings.fft_length)
    window = np.sin(np.pi * np.arange(settings.fft_length) / settings.fft_length) ** 2
    return np.abs(np.fft.rfft(frames[:: settings.hop_length] * window)) ** 2


@pytest.mark.parametrize("length", [4, 256, 512, 1024])
def test_the_window_and_the_kernels_are_right_to_the_last_bits(length: int):
    place = np.arange(length)
    np.testing.assert_allclose(
        portable_hann_window(length), np.sin(np.pi * place / length) ** 2, rtol=0, atol=5e-16
    )
    angle = 2 * np.pi * (np.outer(np.arange(length // 2 + 1), place) % length) / length
    for kernel, wave in zip(fourier_kernels(length), (np.cos(angle), -np.sin(angle)), strict=True):
        assert kernel.dtype == np.float32
        assert np.abs(kernel - wave * portable_hann_window(length)).max() <= 2.0**-25 * 1.001, (
            "half a last place below 1"
        )


def test_zeros_of_the_kernels_are_zeros():
    """Where a library's sine of pi gives 1e-16."""
    real, imaginary = fourier_kernels(8)
    assert real[2, [1, 3, 5, 7]].tolist() == [0.0] * 4
    assert not imaginary[[0, 4]].any()


def test_the_mel_matrix_is_slaneys():
    """Triangles of area 1 (but for the grid of bins): even steps below 1000 Hz, even ratios above."""
    weights = slaney_mel_matrix(LogMelSettings(32000, 1024, 320, 64, 50, 14000)).astype(np.float64)
    bins = np.arange(513) * 31.25
    lowest, highest = 50 * 3 / 200, 15 + 27 * np.log(14) / np.log(6.4)
    mels = np.linspace(lowest, highest, 66)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    for band in range(64):
        lower, centre, upper = edges[band : band + 3]
        triangle = np.interp(bins, [lower, centre, upper], [0, 1, 0]) * 2 / (upper - lower)
        np.testing.assert_allclose(weights[:, band], triangle, rtol=2e-7, atol=1e-9)
    assert weights.sum(axis=0)[40:] * 31.25 == pytest.approx(np.ones(24), abs=0.01)


def test_the_tables_are_the_same_on_every_machine():
    digest = hashlib.sha256()
    for fft_length in (256, 512, 1024):
        for kernel in fourier_kernels(fft_length):
            digest.update(kernel.astype("<f4").tobytes())
    for rate, fft_length, upper_hz in ((8000, 256, 4000), (16000, 512, 8000), (32000, 1024, 14000)):
        settings = LogMelSettings(rate, fft_length, rate // 100, 64, 50, upper_hz)
        digest.update(slaney_mel_matrix(settings).astype("<f4").tobytes())
    assert digest.hexdigest() == "3f9581fc4bbd706e262f204447dd690083a53bc136cf449a006ad96c807be3e0"


def test_a_layouts_values_are_its_receivers_own():
    fill = log_mel_layout(SETTINGS)["logmel_extractor.melW"]
    fill.values()[:] = 0
    assert fill.values().any()


@pytest.mark.parametrize("samples", [512, 671, 672, 5000])
def test_whole_frames_or_centred_ones(samples: int):
    waveform = np.random.default_rng(samples).uniform(-1, 1, (2, samples)).astype(np.float32)
    given = torch.from_numpy(waveform)
    power = _network(SETTINGS, centred=False).spectrogram_extractor(given).numpy()
    assert power.shape == (2, 1, 1 + (samples - 512) // 160, 257)
    centred = _network(SETTINGS).spectrogram_extractor(given).numpy()
    assert centred.shape == (2, 1, 1 + samples // 160, 257)
    for row, padded in enumerate(np.pad(waveform, ((0, 0), (256, 256)), mode="reflect")):
        scale = 512 * 1e-6 * np.abs(waveform).max() ** 2
        np.testing.assert_allclose(power[row, 0], _power(waveform[row], SETTINGS), rtol=1e-4, atol=scale)
        np.testing.assert_allclose(centred[row, 0], _power(padded, SETTINGS), rtol=1e-4, atol=scale)


def test_mel_bands_are_in_decibels_and_end_at_100_below():
    network = _network(SETTINGS)
    second = np.random.default_rng(0).uniform(-1, 1, (1, 16000)).astype(np.float32)
    waveform = torch.from_numpy(np.concatenate([second, np.zeros_like(second)]))
    mel = network.logmel_extractor(network.spectrogram_extractor(waveform)).numpy()
    assert mel.shape == (2, 1, 101, 64)
    padded = np.pad(second[0], 256, mode="reflect")
    expected = 10 * np.log10(_power(padded, SETTINGS) @ slaney_mel_matrix(SETTINGS))
    np.testing.assert_allclose(mel[0, 0], expected, atol=1e-3)
    assert mel[1] == pytest.approx(-100.0, abs=1e-5)
