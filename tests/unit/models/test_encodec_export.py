"""EnCodec's exported programs, seeded weights and state."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fad_core.errors import WeightsError
from fad_core.models import encodec, get_model
from fad_core.models.encodec.checkpoints import module_state
from fad_core.models.encodec.lstm_export import any_length
from fad_core.runner.blocks import run_files
from fad_core.weights import load_state, locate_weights, save_seeded_checkpoint, seeded_state

CAUSAL, WHOLE = get_model("encodec-24k"), get_model("encodec-48k")
BOTH = pytest.mark.parametrize("model", [CAUSAL, WHOLE], ids=lambda model: model.name)
LENGTHS = (1, 2, 7, 319, 320, 321, 2241)


@pytest.fixture(scope="module")
def networks() -> dict[str, torch.nn.Module]:
    return {model.name: model.build(seeded_state(model.checkpoints[0])) for model in (CAUSAL, WHOLE)}


def _noise(model: encodec.EncodecModel, samples: int, seed: int = 0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((model.channels, samples))
    return (0.2 * drawn).astype(np.float32)


def _embed(
    network: torch.nn.Module, model: encodec.EncodecModel, waveform: NDArray[np.float32]
) -> NDArray[np.float32]:
    return model.pool(*run_files(network, model, [model.frontend(waveform)]))["embedding"]


def _off(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference, as a share of the RMS."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.sqrt(np.mean(np.square(expected))))


# Seeded weights.


@BOTH
def test_seeded_weights_answer_to_sound(networks: dict[str, torch.nn.Module], model: encodec.EncodecModel):
    """Neither dead nor saturated: frames are about 1, differ in time, and between sounds by their share."""
    place = np.arange(model.sample_rate) / model.sample_rate
    sounds = {
        "silence": 0 * place,
        "tone": 0.5 * np.sin(2 * np.pi * 440 * place),
        "high tone": 0.5 * np.sin(2 * np.pi * 3000 * place),
    }
    waveforms = {
        name: np.stack([sound] * model.channels).astype(np.float32) for name, sound in sounds.items()
    }
    waveforms["noise"] = _noise(model, model.sample_rate)
    embeddings = {name: _embed(networks[model.name], model, sound) for name, sound in waveforms.items()}
    for name, frames in embeddings.items():
        assert 0.3 < np.sqrt(np.mean(np.square(frames))) < 3, name
    assert embeddings["noise"].std(axis=0).mean() > 0.3
    means = np.stack([frames.mean(axis=0) for frames in embeddings.values()])
    apart = np.linalg.norm(means[:, None] - means, axis=-1) / math.sqrt(128)
    assert apart[~np.eye(len(means), dtype=bool)].min() > 0.2


# Blocks and state.


@pytest.mark.parametrize("samples", [1, 320, 71_999, 72_000, 143_999, 144_000, 216_001, 24_000 * 61 + 7])
def test_blocks_are_whole_frames_and_the_last_one_is_no_stub(samples: int):
    features = CAUSAL.frontend(np.arange(samples, dtype=np.float32)[np.newaxis])
    blocks = [block for (block,) in CAUSAL.blocks(features)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=-1), features[0])
    *others, last = (block.shape[-1] for block in blocks)
    assert set(others) <= {encodec.BLOCK_SAMPLES}
    assert encodec.BLOCK_SAMPLES % 320 == 0
    assert last < 2 * encodec.BLOCK_SAMPLES
    assert not others or last >= encodec.BLOCK_SAMPLES


@pytest.mark.parametrize("samples", [2561, 6399, 6400, 9601, 20_000, 22_407])
def test_blocks_give_what_the_whole_clip_gives(
    networks: dict[str, torch.nn.Module], monkeypatch: pytest.MonkeyPatch, samples: int
):
    """In float64, where no kernel's rounding hides a wrong context."""
    network = copy.deepcopy(networks["encodec-24k"]).double()
    features = CAUSAL.frontend(_noise(CAUSAL, samples))
    start = torch.from_numpy(CAUSAL.initial_state()).double()
    monkeypatch.setattr(encodec, "BLOCK_SAMPLES", 3200)
    blocks = list(CAUSAL.blocks(features))
    assert len(blocks) == max(samples // 3200, 1)
    state, parts = start, []
    with torch.inference_mode():
        whole, _ = network(torch.from_numpy(features[0]).double(), start)
        for (block,) in blocks:
            frames, state = network(torch.from_numpy(block).double(), state)
            parts.append(frames)
    torch.testing.assert_close(torch.cat(parts, dim=-1), whole, rtol=0, atol=1e-12)


def test_rows_start_and_go_on_each_for_itself(networks: dict[str, torch.nn.Module]):
    network = networks["encodec-24k"]
    first, second, other = (torch.from_numpy(_noise(CAUSAL, 3200, seed))[None] for seed in range(3))
    start = torch.from_numpy(CAUSAL.initial_state())
    with torch.inference_mode():
        _, state = network(first, start)
        expected, following = network(second, state)
        alone, _ = network(other, start)
        together, states = network(torch.cat([second, other]), torch.cat([state, start]))
    torch.testing.assert_close(together, torch.cat([expected, alone]), rtol=0, atol=1e-5)
    torch.testing.assert_close(states[:1], following, rtol=0, atol=1e-5)
    assert (states[:, 0] == 1).all(), "the clip goes on"


# Checkpoints.


@BOTH
def test_a_seeded_file_has_the_whole_codec_and_little_weight(model: encodec.EncodecModel, tmp_path: Path):
    (checkpoint,) = model.checkpoints
    path = tmp_path / checkpoint.filename
    save_seeded_checkpoint(checkpoint, path)
    assert path.stat().st_size < 31_000_000
    content = torch.load(path, weights_only=True)
    halves = {name.split(".")[0] for name in content}
    assert halves == {"encoder", "decoder", "quantizer"}
    assert content["decoder.model.15.conv.conv.bias"].shape == (model.channels,)
    assert all(torch.isfinite(tensor).all() for tensor in content.values())
    read = load_state(locate_weights(model, path))
    seeded = seeded_state(checkpoint)
    assert read.keys() == seeded.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in seeded.items())


def test_weight_norm_is_worked_out():
    generator = torch.Generator().manual_seed(0)
    direction, length = torch.randn(4, 3, 5, generator=generator), torch.rand(4, 1, 1, generator=generator)
    name = "encoder.model.0.conv.conv.weight"
    (folded,) = module_state({f"{name}_v": direction, f"{name}_g": length}).items()
    assert folded[0] == "model.0.conv.weight"
    expected = length * direction / direction.norm(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(folded[1], expected)


@BOTH
def test_a_checkpoint_that_lacks_a_tensor_is_refused(model: encodec.EncodecModel):
    state = seeded_state(model.checkpoints[0])
    lost = next(name for name in state if "model.3.conv.conv.weight" in name)
    del state[lost]
    with pytest.raises(WeightsError, match=rf"does not fit {model.name}.*model\.3\.conv"):
        model.build(state)


# Exported programs.


@BOTH
def test_the_exported_program_is_the_network_at_any_length(
    networks: dict[str, torch.nn.Module], model: encodec.EncodecModel, seeded_export: Callable[[str], Path]
):
    program = torch.export.load(seeded_export(model.name)).module()
    cases = [(1 + index % 3, samples) for index, samples in enumerate(LENGTHS)]
    with torch.inference_mode():
        for batch, samples in (*cases, (5, 2561), (1, 24_001)):
            given = model.example_input(batch, samples)
            torch.testing.assert_close(
                program(*given), networks[model.name](*given), rtol=0, atol=1e-6, msg=f"{batch}, {samples}"
            )


def test_the_exported_program_runs_without_this_package(seeded_export: Callable[[str], Path], tmp_path: Path):
    code = (
        "import sys, torch; program = torch.export.load(sys.argv[1]).module()\n"
        "frames, state = program(torch.ones(1, 1, 641), torch.zeros(1, int(sys.argv[2])))\n"
        "print(tuple(frames.shape), 'fad_core' in sys.modules)"
    )
    given = [str(seeded_export("encodec-24k")), str(CAUSAL.initial_state().shape[1])]
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *given], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "(1, 128, 3) False"


def test_exporting_leaves_pytorch_as_it_was():
    operator = torch.ops.aten.lstm.input
    before = dict(operator.py_kernels)
    with pytest.raises(ZeroDivisionError), any_length():
        assert operator.py_kernels != before
        raise ZeroDivisionError
    assert operator.py_kernels == before
