"""PaSST: windows of ten seconds, sound that is shorter, both outputs of one pass, the layout of the file."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fad_core.models import get_model
from fad_core.models.options import Options
from fad_core.models.passt import FRAMES, MEL, WINDOW
from fad_core.models.passt.network import COLUMNS, ROWS, PaSST
from fad_core.runner.blocks import run_files
from fad_core.weights import load_state, locate_weights

OWN_LENGTH, PADDED, JOINED = (get_model(name) for name in ("passt", "passt-10s", "passt-10s-all"))


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return load_state(locate_weights(OWN_LENGTH, "seeded"))


def sound(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).uniform(-0.5, 0.5, (1, samples)).astype(np.float32)


@pytest.mark.parametrize(("samples", "frames"), [(5120, 16), (5121, 17), (32_000, 100), (WINDOW, FRAMES)])
def test_a_short_file_has_its_own_length_or_is_padded(samples: int, frames: int):
    waveform = sound(samples)
    (own,), (padded,) = (model.frontend(waveform) for model in (OWN_LENGTH, PADDED))
    assert own.shape == (1, 1, MEL.bands, frames)
    assert padded.shape == (1, 1, MEL.bands, FRAMES)
    # The last frames of a short file have its mirrored end in them.
    np.testing.assert_array_equal(own[..., : frames - 2], padded[..., : frames - 2])
    assert OWN_LENGTH.vector_count(samples) == PADDED.vector_count(samples) == 1


@pytest.mark.parametrize("model", [OWN_LENGTH, PADDED], ids=lambda model: model.name)
def test_a_long_file_is_embedded_in_windows(model):
    options = Options(crop="windows", hop_seconds=5.0)
    waveform = sound(WINDOW + 200_000)
    features = model.frontend(waveform, options)
    assert model.start_seconds(waveform.shape[1], options).tolist() == [0.0, 5.0, 6.25]
    assert [block.shape for (block,) in model.blocks(features)] == [(1, 1, MEL.bands, FRAMES)] * 3
    (alone,) = model.frontend(waveform[:, 200_000:])
    np.testing.assert_array_equal(features[0][2], alone[0])
    (first,) = model.frontend(waveform, Options(crop="first"))
    np.testing.assert_array_equal(features[0][0], first[0])


def test_a_file_that_is_too_short_for_a_patch_is_padded_or_refused():
    with pytest.raises(ValueError, match="5119 samples; passt needs 5120"):
        OWN_LENGTH.frontend(sound(5119))
    assert np.isfinite(PADDED.frontend(sound(1))[0]).all()


def test_silence_is_the_offset():
    (silence,) = OWN_LENGTH.frontend(np.zeros((1, 32_000), np.float32))
    assert np.unique(silence).tolist() == pytest.approx([(math.log(1e-5) + 4.5) / 5], rel=1e-6)


def test_both_outputs_are_of_one_pass(state):
    features = OWN_LENGTH.frontend(sound(8000))
    made = {}
    for model in (OWN_LENGTH, JOINED):
        (rows,) = run_files(model.build(state), model, [features])
        made[model.name] = model.pool(rows)
    embedding, logits = (made["passt"][name] for name in ("embedding", "logits"))
    assert embedding.shape == (1, 768) and logits.shape == (1, 527)
    np.testing.assert_array_equal(
        made["passt-10s-all"]["embedding"], np.concatenate([logits, embedding], axis=1)
    )


def test_time_is_told_by_position(state):
    network = OWN_LENGTH.build(state)
    (given,) = OWN_LENGTH.example_input(1, 32_000)
    later = torch.cat([given[..., -20:], given[..., :-20]], dim=3)
    with torch.inference_mode():
        assert not torch.allclose(network(given)[0], network(later)[0], atol=1e-3)


def test_the_layout_is_the_official_file():
    (checkpoint,) = OWN_LENGTH.checkpoints
    layout, unused = checkpoint.layout(), checkpoint.unused()
    assert len(layout | unused) == len(layout) + len(unused) == 159
    assert layout["time_new_pos_embed"].shape == (1, 768, 1, COLUMNS) == (1, 768, 1, 99)
    assert layout["freq_new_pos_embed"].shape == (1, 768, ROWS, 1) == (1, 768, 12, 1)
    values = sum(math.prod(fill.shape) for fill in (layout | unused).values())
    assert checkpoint.size is not None
    assert 0 < checkpoint.size - 4 * values < 100_000
    assert len(PaSST(joined=False).state_dict()) == len(layout)
