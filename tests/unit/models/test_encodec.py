"""EnCodec's encoders: exact for every length, and in blocks where the model is causal."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from fad_core.datasets.decisions import select_files
from fad_core.datasets.scan import FileRecord
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.encodec.constants import HOP
from fad_core.models.encodec.seanet import BlockState, Convolution
from fad_core.models.use import ModelUse
from fad_core.runner.blocks import run_files
from fad_core.weights import load_state, locate_weights


@pytest.fixture(scope="module")
def network() -> Callable[[str], tuple[EmbeddingModel, torch.nn.Module]]:
    """A model and its seeded network."""
    made: dict[str, tuple[EmbeddingModel, torch.nn.Module]] = {}

    def make(model_id: str) -> tuple[EmbeddingModel, torch.nn.Module]:
        if model_id not in made:
            model = get_model(model_id)
            made[model_id] = (model, model.build(load_state(locate_weights(model, "seeded"))))
        return made[model_id]

    return make


def sound(channels: int, samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tone = np.sin(np.arange(samples) * 0.05) * np.linspace(0.1, 0.6, samples)
    return (tone + 0.1 * rng.standard_normal((channels, samples))).astype(np.float32)


def padded_as_published(x: torch.Tensor, left: int, right: int, stride: int) -> torch.Tensor:
    """Reflection as the codec's paper code has it: zeros first, where the clip is too short for a mirror."""
    right += -x.shape[-1] % stride
    zeros = max(0, max(left, right) + 1 - x.shape[-1])
    mirrored = functional.pad(functional.pad(x, (0, zeros)), (left, right), mode="reflect")
    return mirrored[..., : mirrored.shape[-1] - zeros]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(7, 1), (3, 1), (4, 2), (8, 4), (10, 5), (16, 8)])
def test_padding_is_the_published_one_at_every_length(kernel: int, stride: int, causal: bool):
    convolution = Convolution(2, 3, kernel, stride, causal=causal, normed=False, activated=False)
    for length in range(1, 40):
        x = torch.arange(1.0, 2 * length + 1).reshape(1, 2, length)
        expected = convolution.conv(padded_as_published(x, convolution.left, convolution.right, stride))
        found = convolution(x)
        assert found.shape[-1] == math.ceil(length / stride)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("samples", [1, 319, 72_000, 143_999, 144_000, 144_001, 301_237])
def test_blocks_give_what_the_whole_clip_gives(samples: int, network):
    model, eager = network("encodec-24k")
    waveform = sound(1, samples)
    frames = model.pool(*run_files(eager, model, [model.frontend(waveform)]))["embedding"]
    state = torch.from_numpy(model.initial_state())
    with torch.inference_mode():
        whole, _ = eager(torch.from_numpy(waveform[np.newaxis]), state)
    assert frames.shape == (math.ceil(samples / HOP), 128) == (model.vector_count(samples), 128)
    expected = whole[0].T.numpy()
    assert np.abs(frames - expected).max() <= 2e-6 * np.sqrt(np.mean(expected**2))


def test_a_causal_model_does_not_depend_on_later_samples(network):
    model, eager = network("encodec-24k")
    waveform = sound(1, 48_000)
    other = np.concatenate([waveform[:, :24_000], sound(1, 24_000, seed=1)], axis=1)
    first, second = (
        model.pool(*run_files(eager, model, [model.frontend(x)]))["embedding"] for x in (waveform, other)
    )
    np.testing.assert_array_equal(first[:75], second[:75])
    assert np.abs(first[75:] - second[75:]).max() > 0.01


def test_the_norms_of_the_other_span_the_clip(network):
    model, eager = network("encodec-48k")
    waveform = sound(2, 48_000)
    loud = np.concatenate([waveform[:, :24_000], 5 * waveform[:, 24_000:]], axis=1)
    first, second = (
        model.pool(*run_files(eager, model, [model.frontend(x)]))["embedding"] for x in (waveform, loud)
    )
    assert first.shape == (150, 128)
    assert np.abs(first[:50] - second[:50]).max() > 0.01
    swapped = model.pool(*run_files(eager, model, [model.frontend(waveform[::-1])]))["embedding"]
    assert np.abs(first - swapped).max() > 0.01, "both channels of a stereo clip are used"


def test_frames_follow_each_other_every_320_samples():
    model = get_model("encodec-24k")
    np.testing.assert_allclose(model.start_seconds(641), [0, 1 / 75, 2 / 75])
    assert model.vector_count(640) == 2


def test_state_is_read_and_written_in_one_order():
    state = BlockState(torch.tensor([[0.0, 1.0, 2.0, 3.0]]))
    assert not state.continues.any()
    assert state.read(1).tolist() == [[1.0]]
    assert state.read(2).tolist() == [[2.0, 3.0]]
    state.append(torch.tensor([[7.0, 8.0]]))
    state.append(torch.tensor([[9.0]]))
    assert state.next_state().tolist() == [[1.0, 7.0, 8.0, 9.0]], "the flag marks the continuation of a clip"


def test_the_layout_is_the_official_file():
    """Its size is published; all values of the codec and a table of contents make it up."""
    (checkpoint,) = get_model("encodec-24k").checkpoints
    tensors = dict(checkpoint.layout()) | dict(checkpoint.unused())
    values = sum(math.prod(fill.shape) for fill in tensors.values())
    assert checkpoint.size is not None
    assert 0 < checkpoint.size - 4 * values < 100_000


def test_an_hour_does_not_fit_and_is_refused_with_the_number():
    record = FileRecord("hour.wav", "ab", 1, "WAV", "PCM_16", 48_000, 2, 172_800_000, 3600.0, "ok", "")
    (use,) = select_files([record], ModelUse(get_model("encodec-48k")))
    assert use.reason == "too long: its 3600 s take 90.0 GB in encodec-48k, but memory_gb is 16"
    (use,) = select_files([record], ModelUse(get_model("encodec-24k")))
    assert use.status == "used"
