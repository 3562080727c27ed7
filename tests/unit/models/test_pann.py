"""PANN beside what the comparison with the original shows: whole files in blocks, any length, the layout."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from fad_core.models import get_model
from fad_core.models.pann import model as pann
from fad_core.runner.blocks import run_files
from fad_core.weights import seeded_state

IDS = ("pann-8k", "pann-16k", "pann-32k")
MODEL = get_model("pann-16k")
WAVEGRAM = get_model("pann-wavegram-logmel")


@pytest.fixture(scope="module")
def state() -> Mapping[str, torch.Tensor]:
    return seeded_state(MODEL.checkpoints[0])


@pytest.fixture(scope="module")
def network(state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    return MODEL.build(state)


@pytest.fixture(scope="module")
def wavegram() -> torch.nn.Module:
    return WAVEGRAM.build(seeded_state(WAVEGRAM.checkpoints[0]))


@pytest.fixture(scope="module")
def exported(network: torch.nn.Module) -> torch.nn.Module:
    with MODEL.exporting():
        program = torch.export.export(
            network,
            MODEL.example_input(*MODEL.verification.export_case),
            dynamic_shapes=MODEL.dynamic_shapes(),
            strict=False,
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    return program.module()


def _sound(samples: int, seed: int = 0) -> np.ndarray:
    level = np.linspace(0.02, 1.0, samples)
    return (level * np.random.default_rng(seed).uniform(-1, 1, samples)).astype(np.float32)[np.newaxis]


def _embed(
    network: torch.nn.Module, waveform: np.ndarray, model: pann.PannModel = MODEL, output: str = "embedding"
) -> np.ndarray:
    return model.pool(*run_files(network, model, [model.frontend(waveform)]))[output]


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.sqrt(np.mean(np.square(expected))))


def _by_the_paper(state: Mapping[str, torch.Tensor], waveform: np.ndarray) -> np.ndarray:
    """The embedding of a whole file, operation by operation."""

    def norm(image: torch.Tensor, name: str) -> torch.Tensor:
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(image, *parts)

    signal = functional.pad(torch.from_numpy(waveform)[None], (256, 256), mode="reflect")
    kernels = (state[f"spectrogram_extractor.stft.conv_{part}.weight"] for part in ("real", "imag"))
    power = sum(functional.conv1d(signal, kernel, stride=160) ** 2 for kernel in kernels)
    mel = 10 * (power.transpose(1, 2) @ state["logmel_extractor.melW"]).clamp(min=1e-10).log10()
    image = norm(mel.transpose(1, 2)[..., None], "bn0").permute(0, 3, 2, 1)
    for block in range(1, 7):
        for layer in (1, 2):
            image = functional.conv2d(image, state[f"conv_block{block}.conv{layer}.weight"], padding=1)
            image = functional.relu(norm(image, f"conv_block{block}.bn{layer}"))
        image = functional.avg_pool2d(image, 2) if block < 6 else image
    columns = image.mean(dim=3)
    pooled = columns.amax(dim=2) + columns.mean(dim=2)
    return functional.relu(functional.linear(pooled, state["fc1.weight"], state["fc1.bias"])).numpy()


@pytest.mark.parametrize("samples", [4960, 4961, 10239, 20001, 40000])
def test_a_file_is_embedded_as_the_paper_says(
    samples: int, state: Mapping[str, torch.Tensor], network: torch.nn.Module
):
    waveform = _sound(samples)
    found = _embed(network, waveform)
    assert found.shape == (1, 2048)
    assert _difference(found, _by_the_paper(state, waveform)) < 1e-5


def test_the_logits_are_the_last_layer_of_the_embedding(
    state: Mapping[str, torch.Tensor], network: torch.nn.Module
):
    embedding, logits = (_embed(network, _sound(16000), output=name) for name in MODEL.outputs)
    layer = state["fc_audioset.weight"], state["fc_audioset.bias"]
    expected = functional.linear(torch.from_numpy(embedding), *layer).numpy()
    assert logits.shape == (1, 527)
    assert _difference(logits, expected) < 1e-6


@pytest.mark.parametrize("columns", [2, 7])
@pytest.mark.parametrize("output", ["embedding", "logits"])
def test_a_file_in_blocks_is_the_whole_file(
    columns: int, output: str, network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
):
    waveform = _sound(11 * 5120 + 3000, seed=1)
    whole = _embed(network, waveform, output=output)
    monkeypatch.setattr(pann, "BLOCK_COLUMNS", columns)
    assert len(list(MODEL.blocks(MODEL.frontend(waveform)))) == math.ceil(11 / columns)
    assert _difference(_embed(network, waveform, output=output), whole) < 3e-5


# The wavegram has one frame fewer than the spectrogram, but for lengths of 316 to 319 samples above a
# multiple of 320; an odd number of frames leaves one more row of the one than of the other.
@pytest.mark.parametrize("rest", [0, 315, 316, 320, 320 + 318, 31 * 320, 31 * 320 + 317])
def test_a_wavegram_in_blocks_is_that_of_the_whole_file(
    rest: int, wavegram: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
):
    waveform = _sound(12 * 10240 + rest, seed=1)
    whole = _embed(wavegram, waveform, WAVEGRAM)
    monkeypatch.setattr(pann, "BLOCK_COLUMNS", 5)
    assert len(list(WAVEGRAM.blocks(WAVEGRAM.frontend(waveform)))) == 3
    assert _difference(_embed(wavegram, waveform, WAVEGRAM), whole) < 3e-5


def test_the_shortest_wavegram_has_one_column():
    shortest = WAVEGRAM.minimum_samples
    assert [WAVEGRAM.column_count(samples) for samples in (shortest - 1, shortest)] == [0, 1]
    ((padded, sound, keep),) = WAVEGRAM.blocks(WAVEGRAM.frontend(_sound(shortest)))
    assert (padded.shape[1], sound.shape[1], keep.tolist()) == (31 * 320 + 1024, shortest, [0, 1])


@given(st.sampled_from(IDS), st.integers(0, 400_000), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_blocks_cover_a_file_and_the_receptive_field(model_id: str, more: int, columns: int):
    model = get_model(model_id)
    fft_length, hop = model.mel.fft_length, model.mel.hop_length
    waveform = np.arange(model.minimum_samples + more, dtype=np.float32)[np.newaxis]
    padded = np.pad(waveform, ((0, 0), (fft_length // 2, fft_length // 2)), mode="reflect")
    frames = 1 + waveform.shape[1] // hop
    counted = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pann, "BLOCK_COLUMNS", columns)
        for samples, keep in model.blocks(model.frontend(waveform)):
            assert keep.dtype == np.int64
            start, stop = keep.tolist()
            first = (counted - start) * 32
            length = (samples.shape[1] - fft_length) // hop + 1
            np.testing.assert_array_equal(samples, padded[:, first * hop :][:, : samples.shape[1]])
            assert start < stop <= length // 32
            assert first == 0 or start * 32 >= 126
            assert first + length == frames or length - stop * 32 >= 126
            counted += stop - start
    assert counted == frames // 32


@pytest.mark.parametrize(("seconds", "count"), [(40, 1), (42, 2), (60, 2), (3600, 88)])
def test_no_block_of_a_long_file_is_larger_than_44_seconds(seconds: int, count: int):
    sizes = [samples.shape[1] for samples, _ in MODEL.blocks((np.zeros((1, seconds * 16000), np.float32),))]
    assert len(sizes) == count
    assert max(sizes) < 44 * 16000


@pytest.mark.parametrize("model_id", IDS)
def test_the_shortest_file_has_one_column(model_id: str):
    model = get_model(model_id)
    ((samples, keep),) = model.blocks(model.frontend(_sound(model.minimum_samples)))
    assert samples.shape[1] == 31 * model.mel.hop_length + model.mel.fft_length
    assert keep.tolist() == [0, 1]
    assert model.start_seconds(model.minimum_samples).tolist() == [0.0]
    with pytest.raises(ValueError, match=f"needs {model.minimum_samples}"):
        model.frontend(_sound(model.minimum_samples - 1))
    assert model.vector_count(model.minimum_samples - 1) == 0


def test_nothing_is_padded_to_a_round_length(network: torch.nn.Module):
    """A tail of less than a column affects the embedding, and differs from silence."""
    waveform = _sound(16000, seed=2)
    found = [_embed(network, waveform[:, :samples]) for samples in (16000, 15360, 15200)]
    found.append(_embed(network, np.pad(waveform, ((0, 0), (0, 4480)))))
    for index, one in enumerate(found):
        for other in found[:index]:
            assert _difference(one, other) > 1e-3


def test_the_rows_of_a_batch_do_not_affect_each_other(network: torch.nn.Module):
    samples, keep, start = MODEL.example_input(3, 8000)
    with torch.inference_mode():
        together, *_ = network(samples, keep, start)
        alone = torch.cat([network(samples[row : row + 1], keep, start[:1])[0] for row in range(3)])
    assert _difference(together.numpy(), alone.numpy()) < 1e-5
    assert (together[0] - together[1]).abs().max() > 0.01


@pytest.mark.parametrize(
    ("batch", "samples"), [(1, 4960), (2, 4961), (5, 5119), (1, 10079), (3, 10080), (1, 31999), (1, 99_999)]
)
def test_the_exported_graph_takes_any_batch_and_length(
    batch: int, samples: int, network: torch.nn.Module, exported: torch.nn.Module
):
    arguments = MODEL.example_input(batch, samples)
    with torch.inference_mode():
        for eager, found in zip(network(*arguments), exported(*arguments), strict=True):
            assert _difference(found.numpy(), eager.numpy()) < 1e-6


def test_the_exported_graph_refuses_less_than_a_column(exported: torch.nn.Module):
    samples, keep, start = MODEL.example_input(1, 4960)
    with pytest.raises(RuntimeError, match="assertion"), torch.inference_mode():
        exported(samples[:, :-1], keep, start)


@pytest.mark.parametrize("model_id", [*IDS, WAVEGRAM.name])
def test_the_layout_is_the_official_files(model_id: str):
    checkpoint = get_model(model_id).checkpoints[0]
    layout, unused = checkpoint.layout(), checkpoint.unused()
    tables = {name for name in layout if "extractor" in name}
    assert len(tables) == 3
    trained = [
        fill.shape
        for name, fill in (layout | unused).items()
        if name not in tables and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    ]
    of_the_paper = 81_065_487 if model_id == WAVEGRAM.name else 80_753_615
    assert sum(math.prod(shape) for shape in trained) == of_the_paper
    counts = [name for name in unused if name.endswith("num_batches_tracked")]
    assert len(counts) == (22 if model_id == WAVEGRAM.name else 13)
    assert all(unused[name].dtype == "int64" for name in counts)
    assert checkpoint.section == ("model",)
    assert checkpoint.url == f"https://zenodo.org/record/3987831/files/{checkpoint.filename}"
