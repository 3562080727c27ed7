"""CLAP: the part of a file that is embedded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_models import MAIN, fake_model
from numpy.typing import NDArray

from fad_core.errors import ModelError
from fad_core.models import clap
from fad_core.models.clap.constants import MEL
from fad_core.models.clap.fusion import FusionMel, shrink
from fad_core.models.options import Options
from fad_core.models.use import ModelUse

MODELS = {model.name: model for model in clap.MODELS}
PLAIN, FUSION = MODELS["clap-630k-audioset"], MODELS["clap-630k-audioset-fusion"]
BASE = MODELS["clap-music-audioset"]
WINDOW = 480_000


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (1, samples)).astype(np.float32)


# The part of a file that is embedded.


@pytest.mark.parametrize(
    ("samples", "count"), [(1, 1), (480_000, 1), (480_001, 2), (960_000, 2), (1_000_000, 3)]
)
def test_windows_are_the_files_own_samples(samples: int, count: int):
    waveform = noise(samples)
    model = ModelUse(PLAIN, Options(crop="windows"))
    (windows,) = model.frontend(waveform)
    assert windows.shape == (count, WINDOW) == (model.vector_count(samples), WINDOW)
    for window, start in zip(windows, model.start_seconds(samples), strict=True):
        section = waveform[0, round(start * 48_000) :][:WINDOW]
        np.testing.assert_array_equal(window[: len(section)], section)


def test_the_crop_is_where_its_start_says():
    waveform = noise(700_000)
    for crop in ("random", "first", "center"):
        model = ModelUse(PLAIN, Options(crop=crop, seed=5))  # type: ignore[arg-type]
        (start,) = np.round(model.start_seconds(700_000, "key") * 48_000).astype(int)
        np.testing.assert_array_equal(
            model.frontend(waveform, "key")[0][0], waveform[0, start : start + WINDOW]
        )


@pytest.mark.parametrize("model", [PLAIN, FUSION], ids=lambda model: model.name)
def test_an_empty_file_is_refused(model: clap.ClapModel):
    with pytest.raises(ValueError, match="0 samples"):
        model.frontend(noise(0))


def test_windows_that_do_not_move_on_are_refused():
    ModelUse(PLAIN, Options(crop="windows", hop_seconds=1.0))
    for model in (PLAIN, replace(fake_model(MAIN), cropped=True)):
        with pytest.raises(ModelError, match="at least one sample long"):
            ModelUse(model, Options(crop="windows", hop_seconds=1e-6))


@pytest.mark.parametrize(
    ("samples", "longer"), [(4800, False), (480_000, False), (480_479, False), (480_480, True)]
)
def test_fusion_embeds_a_file_whole_until_a_frame_is_left_over(samples: int, longer: bool):
    mel, flag = FUSION.frontend(noise(samples))
    assert mel.shape == (1, 4, 1001, 64) and mel.dtype == np.float32
    assert flag.tolist() == [longer]
    assert (mel == mel[:, :1]).all() != longer


def test_fusion_embeds_the_whole_file_and_three_sections_of_it():
    waveform = noise(1_440_000)
    model = ModelUse(FUSION, Options(crop="first"))
    (mel,), _ = model.frontend(waveform)
    whole = FusionMel(MEL)(waveform[0])
    assert whole.shape == (3001, 64)
    # 2001 places for 1001 frames: thirds of 667.
    for section, start in zip(mel[1:], (0, 667, 1334), strict=True):
        np.testing.assert_array_equal(section, whole[start : start + 1001].numpy())
    assert model.start_seconds(1_440_000).tolist() == [0.0]


def test_fusion_takes_windows_for_files():
    waveform = noise(900_000)
    mel, longer = ModelUse(FUSION, Options(crop="windows", hop_seconds=5.0)).frontend(waveform)
    assert mel.shape == (3, 4, 1001, 64) and not longer.any()
    alone, _ = FUSION.frontend(waveform[:, 240_000:720_000])
    np.testing.assert_array_equal(mel[1], alone[0])


# The fusion models' spectrogram.


def test_blocks_of_frames_are_the_whole_transform():
    """More than one block of 1024 frames, to the last bit."""
    samples = noise(1_440_000)[0]
    spectrum = torch.stft(
        torch.from_numpy(samples), 1024, 480, window=torch.hann_window(1024), return_complex=True
    )
    mel = FusionMel(MEL)
    power = spectrum.abs().square().T @ mel.weights
    expected = 10.0 * torch.log10(power.clamp(min=1e-10))
    torch.testing.assert_close(mel(samples), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("samples", [1024, 480 * 1024 - 1, 480 * 1024, 480 * 1025])
def test_the_last_frame_is_there_wherever_the_file_ends(samples: int):
    mel = FusionMel(MEL)(noise(samples)[0])
    assert mel.shape == (1 + samples // 480, 64)
    assert mel.isfinite().all()


def test_a_tone_is_in_its_band_and_silence_at_the_floor():
    tone = np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000).astype(np.float32)
    mel = FusionMel(MEL)(tone)
    centres = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([50, 14e3]) / 700)), 66) / 2595) - 1)
    assert (mel[5:-5].argmax(dim=1) == int(np.abs(centres[1:-1] - 1000).argmin())).all()
    assert (FusionMel(MEL)(np.zeros(4800, np.float32)) == -100.0).all()


def test_shrinking_misses_no_frame():
    mel = torch.zeros(10_010, 64)
    mel[777] = 1.0
    assert shrink(mel, 1001).sum(dim=0).min() == pytest.approx(0.1, rel=1e-5)
