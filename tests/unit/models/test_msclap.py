"""MS-CLAP: what is embedded of a file, and the layout of the official file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fad_core.errors import ModelError, WeightsError
from fad_core.models import get_model
from fad_core.models.msclap import MEL
from fad_core.models.msclap.network import Projection
from fad_core.models.options import Options
from fad_core.models.use import ModelUse
from fad_core.weights.checkpoint_file import read_checkpoint
from fad_core.weights.seeded import save_seeded_checkpoint

MODEL = get_model("msclap-2023")
(CHECKPOINT,) = MODEL.checkpoints
WINDOW = 308_700


def ramp(samples: int) -> NDArray[np.float32]:
    return np.linspace(-0.5, 0.5, samples, dtype=np.float32)[np.newaxis]


def test_a_short_file_is_repeated_until_it_fills_the_window():
    samples = ramp(100_000)[0]
    (windows,) = MODEL.frontend(samples[np.newaxis])
    np.testing.assert_array_equal(windows[0], np.concatenate([samples] * 4)[:WINDOW])
    (whole,) = MODEL.frontend(ramp(WINDOW))
    np.testing.assert_array_equal(whole, ramp(WINDOW))
    with pytest.raises(ValueError, match="0 samples"):
        MODEL.frontend(ramp(0))


def test_windows_leave_nothing_out():
    use = ModelUse(MODEL, Options(crop="windows", hop_seconds=7.0))
    (windows,) = use.frontend(ramp(2 * WINDOW + 1))
    assert windows.shape == (3, WINDOW)
    assert use.start_seconds(2 * WINDOW + 1).tolist() == [0.0, 7.0, (WINDOW + 1) / 44_100]
    with pytest.raises(ModelError, match=r"at most 7, not 10\.0"):
        ModelUse(MODEL, Options(crop="windows"))


def test_fadtk_gives_the_sound_as_it_is():
    samples = ramp(2 * 44_100)
    (windows,) = ModelUse(MODEL, Options(compatibility="fadtk")).frontend(samples)
    assert windows.shape == (2, WINDOW)
    np.testing.assert_array_equal(windows[0, : 2 * 44_100], samples[0])
    np.testing.assert_array_equal(windows[1, :44_100], samples[0, 44_100:])
    assert (windows[1, 44_100:] == 0).all()


def test_a_window_has_fewer_frames_than_the_network_has_places():
    assert MEL.frame_count(WINDOW) == 965 < 1024


def test_the_projection_normalises_the_sum_of_both_layers():
    projection = Projection(3, 4).requires_grad_(False)
    given = torch.arange(6.0).view(2, 3)
    first = given @ projection.linear1.weight.T
    total = first + torch.nn.functional.gelu(first) @ projection.linear2.weight.T
    centred = total - total.mean(dim=1, keepdim=True)
    expected = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(projection(given), expected)


def test_the_official_file_has_a_text_half_too(tmp_path: Path):
    path = tmp_path / CHECKPOINT.filename
    save_seeded_checkpoint(CHECKPOINT, path)
    content = torch.load(path)
    text = {"logit_scale": torch.zeros(()), "caption_encoder.base.wte.weight": torch.zeros(2, 768)}
    text["caption_encoder.projection.linear1.weight"] = torch.zeros(1024, 768)
    torch.save({"model": content["model"] | text}, path)
    assert read_checkpoint(path, CHECKPOINT).keys() == CHECKPOINT.layout().keys()
    torch.save({"model": content["model"] | {"audio_encoder.projection.bias": torch.zeros(1)}}, path)
    with pytest.raises(WeightsError, match=r"projection\.bias: unexpected"):
        read_checkpoint(path, CHECKPOINT)
