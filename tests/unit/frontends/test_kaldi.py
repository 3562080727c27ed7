"""Kaldi's log-mel spectrogram, held against its definition in float64."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fad_core.frontends.filterbanks import htk_mel_matrix
from fad_core.frontends.kaldi import kaldi_log_mel, kaldi_mel_matrix
from fad_core.frontends.settings import LogMelSettings

SMALL = LogMelSettings(8000, 32, 7, 5, 0.0, 3500.0, window_length=20, log_offset=0.5)
PASST = LogMelSettings(32000, 1024, 320, 128, 0.0, 15000.0, window_length=800, log_offset=1e-5)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)


def in_float64(samples: np.ndarray, settings: LogMelSettings) -> np.ndarray:
    """The definition: a window around each hop of the mirrored signal, powers, triangles, logarithm."""
    half, length = settings.window_length // 2, settings.window_length
    mirrored = np.pad(samples.astype(np.float64), half, mode="reflect")
    window = np.sin(math.pi * np.arange(length) / (length - 1)) ** 2
    starts = range(0, len(samples) + 1, settings.hop_length)
    frames = np.stack([mirrored[start : start + length] * window for start in starts])
    powers = np.abs(np.fft.rfft(frames, settings.fft_length)) ** 2
    return np.log(powers @ htk_mel_matrix(settings) + settings.log_offset).T


@pytest.mark.parametrize("settings", [SMALL, PASST])
@pytest.mark.parametrize("samples", [1300, 6400, 6401])
def test_values_are_those_of_the_definition(samples: int, settings: LogMelSettings):
    given = noise(samples)
    found, expected = kaldi_log_mel(given, settings), in_float64(given, settings)
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (settings.bands, settings.frame_count(samples))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_the_triangles_are_rounded():
    matrix, exact = kaldi_mel_matrix(SMALL), htk_mel_matrix(SMALL)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix, exact.T, atol=1e-5)
    reaching_the_last_bin = replace(SMALL, upper_hz=5000.0)
    assert htk_mel_matrix(reaching_the_last_bin)[-1].any()
    assert not kaldi_mel_matrix(reaching_the_last_bin)[:, -1].any()


def test_bits_depend_neither_on_threads_nor_on_the_default_type():
    given = noise(320_000)
    threads, expected = torch.get_num_threads(), kaldi_log_mel(given, PASST)
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        torch.set_default_dtype(torch.float64)
        np.testing.assert_array_equal(kaldi_log_mel(given, PASST), expected)
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)
