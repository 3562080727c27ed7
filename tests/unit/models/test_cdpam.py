"""CDPAM: chunks of a second, whole numbers of 16 bits, both halves of one pass, the layout of the file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fad_core.embedding.cached import cache_of
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.models.cdpam import CHUNK, CHUNKS_AT_ONCE, HALVES
from fad_core.models.cdpam.network import KERNEL, Encoder
from fad_core.runner.blocks import run_files
from fad_core.runner.exported import ExportedModel
from fad_core.runner.identity import Identity
from fad_core.weights import Weights, WeightsFile, load_state, locate_weights


@pytest.fixture(scope="module")
def eager() -> tuple[EmbeddingModel, torch.nn.Module]:
    model = get_model("cdpam-content")
    return model, model.build(load_state(locate_weights(model, "seeded")))


def sound(samples: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    return (0.3 * np.sin(np.arange(samples) * 0.05) + 0.1 * rng.standard_normal((1, samples))).astype(
        np.float32
    )


def test_the_alias_is_the_package():
    assert get_model("cdpam").name == "cdpam-acoustic"


def test_sound_has_the_values_of_16_bits():
    model = get_model("cdpam-acoustic")
    given = np.array([[0.0, 0.5, -1.0, 1.0, 1.7, -3.0, 1.5 / 32768, 2.5 / 32768, -0.4 / 32768]], np.float32)
    (values,) = model.frontend(given)
    assert values.dtype == np.float32
    assert values[0].tolist() == [0, 16384, -32768, 32767, 32767, -32768, 2, 2, 0]


@pytest.mark.parametrize("samples", [1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 9 * CHUNK + 7])
def test_chunks_cover_the_file_once(samples: int):
    model = get_model("cdpam-acoustic")
    features = model.frontend(sound(samples))
    blocks = [block for (block,) in model.blocks(features)]
    np.testing.assert_array_equal(np.concatenate([block.reshape(-1) for block in blocks]), features[0][0])
    assert sum(map(len, blocks)) == model.vector_count(samples) == math.ceil(samples / CHUNK)
    assert max(map(len, blocks)) <= CHUNKS_AT_ONCE
    assert [block.shape[1] for block in blocks[:-1]] == [CHUNK] * (len(blocks) - 1)
    np.testing.assert_array_equal(model.start_seconds(samples), np.arange(len(range(0, samples, CHUNK))))


def as_published(network: Encoder, samples: torch.Tensor) -> torch.Tensor:
    """The encoder as the package has it: all columns of every layer, then every second one of some."""
    x = samples[:, None]
    for number, (convolution, norm) in enumerate(zip(network.encoder, network.ebatch, strict=True), start=1):
        x = functional.conv1d(x, convolution.weight, convolution.bias, padding=KERNEL // 2)
        x = functional.leaky_relu(norm(x), 0.1)
        x = x[:, :, ::2] if number % 4 == 0 else x
    return x.sum(dim=2) / x.shape[2]


@pytest.mark.parametrize("samples", [1, 2, 3, 100, 1001])
def test_the_network_is_the_published_one(samples: int, eager):
    model, network = eager
    given = model.example_input(2, samples)[0]
    with torch.inference_mode():
        acoustic, content = as_published(network, given).chunk(2, dim=1)
        found = network(given)
    assert list(model.outputs) == ["content", "acoustic"]
    for half, expected in zip(found, (content, acoustic), strict=True):
        torch.testing.assert_close(half, functional.normalize(expected, dim=1), rtol=0, atol=1e-6)
        torch.testing.assert_close(half.norm(dim=1), torch.ones(2))


def test_both_models_have_both_halves(eager):
    content, network = eager
    acoustic = get_model("cdpam-acoustic")
    assert list(acoustic.outputs) == list(HALVES) == list(content.outputs)[::-1]
    features = content.frontend(sound(700))
    vectors = content.pool(*run_files(network, content, [features]))
    assert {name: each.shape for name, each in vectors.items()} == dict.fromkeys(HALVES, (1, 512))
    other = acoustic.build(load_state(locate_weights(acoustic, "seeded")))
    again = acoustic.pool(*run_files(other, acoustic, [features]))
    for name in HALVES:
        np.testing.assert_array_equal(vectors[name], again[name])


def test_both_models_share_what_is_cached(tmp_path: Path):
    made = {}
    for name in ("cdpam-acoustic", "cdpam-content"):
        model = get_model(name)
        weights = Weights("official", (WeightsFile(model.checkpoints[0], None, "ab" * 32),))
        identity = Identity.of(model, weights)
        exported = ExportedModel(tmp_path / "none.pt2", origin="own", identity=identity)
        made[name] = cache_of(exported, tmp_path)
    assert made["cdpam-acoustic"]._folder == made["cdpam-content"]._folder
    older = Identity(**{**identity.__dict__, "code": "of another version"})
    exported = ExportedModel(tmp_path / "none.pt2", origin="own", identity=older)
    assert cache_of(exported, tmp_path)._folder != made["cdpam-content"]._folder


def test_the_layout_is_the_official_file():
    """Its size is known; besides these values it has a record of the training."""
    (checkpoint,) = get_model("cdpam-acoustic").checkpoints
    tensors = dict(checkpoint.layout()) | dict(checkpoint.unused())
    values = sum(math.prod(fill.shape) for fill in tensors.values())
    assert checkpoint.size is not None
    assert 0 < checkpoint.size - 4 * values < 2_000_000
    assert len(tensors) == 130
