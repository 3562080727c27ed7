"""The original package's faults, on demand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import resampy
from fake_models import MAIN, fake_model

from fad_core.datasets.decisions import select_files
from fad_core.datasets.scan import FileRecord
from fad_core.embedding.embed import prepare_waveform
from fad_core.models import get_model, model_ids
from fad_core.models.base import OriginalQuirks
from fad_core.models.options import Options
from fad_core.models.original_quirks import as_scalars
from fad_core.models.use import ModelUse

ASKED = Options(compatibility="frechet-audio-distance")
QUIRKS = OriginalQuirks(resamples_channels=True)
STEREO = ModelUse(replace(fake_model(MAIN), channels=2, sample_rate=48000, quirks=QUIRKS))
IMITATED = ModelUse(STEREO.model, ASKED)
NOISE = np.random.default_rng(0).uniform(-1, 1, (2, 4410)).astype(np.float32)


def test_stereo_is_resampled_in_time_unless_the_original_is_asked_for():
    """Its loader resamples `[samples, channels]` along the last axis, and leaves the rate as it is."""
    ours = prepare_waveform(NOISE, 44100, STEREO)
    np.testing.assert_array_equal(ours, resampy.resample(NOISE, 44100, 48000))
    original = resampy.resample(NOISE.T, 44100, 48000)
    np.testing.assert_array_equal(prepare_waveform(NOISE, 44100, IMITATED), original.T)


@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (1, 8000), (2, 48000)])
def test_what_the_original_does_rightly_is_the_same(channels: int, rate: int):
    np.testing.assert_array_equal(
        prepare_waveform(NOISE[:channels], rate, STEREO), prepare_waveform(NOISE[:channels], rate, IMITATED)
    )


@pytest.mark.parametrize(("channels", "rate", "made"), [(2, 8000, 12), (2, 96000, 1), (6, 48000, 6)])
def test_what_the_original_drops_is_refused_by_name(channels: int, rate: int, made: int):
    reason = f"frechet-audio-distance turns its {channels} channels into {made}"
    record = FileRecord("a.wav", "ab", 1, "WAV", "PCM_16", rate, channels, rate, 1.0, "ok", "")
    (decision,) = select_files([record], IMITATED)
    assert decision.status == "excluded"
    assert decision.reason.startswith(reason)
    with pytest.raises(ValueError, match=reason):
        prepare_waveform(np.zeros((channels, rate), np.float32), rate, IMITATED)
    assert select_files([record], STEREO)[0].status == "used"


def test_a_stereo_model_that_the_original_does_not_have_is_used_as_ever():
    assert [each for each in model_ids() if get_model(each).quirks.resamples_channels] == ["encodec-48k"]
    others = ModelUse(replace(STEREO.model, quirks=OriginalQuirks()), ASKED)
    np.testing.assert_array_equal(
        prepare_waveform(NOISE, 44100, others), prepare_waveform(NOISE, 44100, STEREO)
    )


def test_more_channels_than_a_stereo_model_has_are_averaged():
    surround = np.random.default_rng(1).uniform(-1, 1, (6, 4800)).astype(np.float32)
    prepared = prepare_waveform(surround, 48000, STEREO)
    np.testing.assert_allclose(prepared, np.tile(surround.mean(axis=0), (2, 1)), atol=1e-6)
    np.testing.assert_array_equal(prepare_waveform(NOISE, 48000, STEREO), NOISE)


def test_vectors_are_taken_for_scalars_only_where_the_original_does():
    flat = replace(fake_model(MAIN), quirks=OriginalQuirks(scalar_statistics=True))
    assert not ModelUse(flat).takes_scalars
    assert ModelUse(flat, ASKED).takes_scalars
    assert not IMITATED.takes_scalars
    assert as_scalars(np.arange(6.0).reshape(2, 3)).shape == (6, 1)
