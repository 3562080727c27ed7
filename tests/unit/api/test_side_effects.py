"""A program that scores finds its process as it was: nothing stays changed, and nothing changes on import."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from process_state import differences, precisions, state
from tiny_pt2 import TinyModel, export_tiny, tiny_is_known, tiny_model
from torch import nn

from fad_core.api.scoring import Waveforms, score
from fad_core.errors import FadError
from fad_core.models import get_model
from fad_core.runner import device
from fad_core.runner.device import full_float32
from fad_core.runner.exported import ExportedModel
from fad_core.runner.fast.self_test import _difference
from fad_core.runner.loaded_network import LoadedNetwork
from fad_core.verification.check import require_passed
from fad_core.verification.eager import EagerLevel
from fad_core.weights import locate_weights

SeededExport = Callable[[str], Path]
STATE = Path(__file__).parents[1] / "process_state.py"


def noise(seed: int) -> Waveforms:
    generator = np.random.default_rng(seed)
    return Waveforms([generator.uniform(-0.5, 0.5, 40_000).astype("f4") for _ in range(6)], 16000)


@pytest.fixture
def of_a_host() -> Iterator[dict[str, Any]]:
    """A process whose program trains in lower precision, and with other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    torch.set_float32_matmul_precision("medium")
    yield state()
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def vggish(seeded_export: SeededExport) -> ExportedModel:
    return ExportedModel(seeded_export("vggish"), origin="own")


def test_importing_loading_scoring_and_giving_up_change_nothing(seeded_export: SeededExport):
    """In a process of its own: numeric libraries read the environment when they are imported."""
    code = f"""
import sys
sys.path.append({str(STATE.parent)!r})
from process_state import differences, state
# What the others do when they are imported is theirs; for tensors without values PyTorch imports its compiler
import numpy, resampy, scipy.fft, scipy.linalg, soundfile, torch, torch._dynamo
fresh = state()
import fad_core
from fad_core.api import scoring
assert differences(fresh, state()) == set(), "on import"
torch.set_num_threads(2)
before = state()
from fad_core.runner.exported import ExportedModel
model = ExportedModel({str(seeded_export("vggish"))!r})
assert differences(before, state()) == set(), "on load"
sound = numpy.random.default_rng(0).uniform(-0.5, 0.5, 160_000).astype("f4")
sets = [[sound[start:start + 40_000] for start in range(at, at + 6)] for at in (0, 9)]
scoring.score(*(scoring.Waveforms(each, 16000) for each in sets), model, workers=2)
assert differences(before, state()) == set(), "after a score"
stream = model.embed_many((model.features(sound[None]) for _ in range(40)), lanes=2)
next(stream)
del stream
assert differences(before, state()) == set(), "after a generator that was dropped"
print("as it was")
"""
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout == "as it was\n", done.stderr


def test_a_host_that_trains_in_lower_precision_gets_the_same_bits(
    vggish: ExportedModel, of_a_host: dict[str, Any]
):
    """Also on a CPU: with "medium", oneDNN would round the arguments of matrix products to bfloat16."""
    lowered = score(noise(1), noise(2), vggish, workers=2)
    assert state() == of_a_host
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(1)
    assert lowered == score(noise(1), noise(2), vggish)


def test_exporting_and_verifying_a_model_change_nothing(tmp_path: Path):
    """Layers draw random weights when they are made."""
    model = tiny_model()
    weights = locate_weights(model, "seeded")
    path = export_tiny(tmp_path / "tiny.pt2")  # imports the exporter, which changes settings of its own
    before = state()
    export_tiny(path)
    assert differences(before, state()) == set()
    with tiny_is_known():
        require_passed(list(EagerLevel(model, weights).compare(ExportedModel(path, origin="own"))))
    assert differences(before, state()) == set()


@pytest.fixture
def host_of_float64() -> Iterator[None]:
    """A program whose tensors are float64 unless it says otherwise."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Convolved(nn.Module):
    """What has kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.Conv2d(1, 64, 3), nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()
        )
        self.sequence, self.out = nn.Conv1d(128, 16, 3), nn.Linear(16, 8, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.out(self.sequence(self.image(x).flatten(2)).amax(-1))
        return made


def made_by(model: TinyModel, path: Path) -> np.ndarray:
    with tiny_is_known(model):
        loaded = ExportedModel(export_tiny(path, model), origin="own")
        require_passed(list(EagerLevel(model, locate_weights(model, "seeded")).compare(loaded)))
        assert loaded.fast
        return loaded.embed(noise(1).waveforms[0][None])["embedding"]


def test_a_host_that_computes_in_float64_gets_the_same_bits(
    vggish: ExportedModel, tmp_path: Path, request: pytest.FixtureRequest
):
    model = tiny_model(Convolved)
    before = score(noise(1), noise(2), vggish), made_by(model, tmp_path / "tiny.pt2")
    request.getfixturevalue("host_of_float64")
    _difference.cache_clear()
    assert score(noise(1), noise(2), vggish) == before[0]
    np.testing.assert_array_equal(made_by(model, tmp_path / "tiny.pt2"), before[1])


@pytest.mark.parametrize("model_id", ["vggish", "pann-16k", "encodec-24k", "clap"])
def test_so_do_the_examples_of_models(model_id: str, request: pytest.FixtureRequest):
    model = get_model(model_id)
    before = model.example_input(2, 2000)
    request.getfixturevalue("host_of_float64")
    for one, other in zip(before, model.example_input(2, 2000), strict=True):
        assert one.dtype == other.dtype and torch.equal(one, other)


def test_errors_leave_nothing_changed_either(
    vggish: ExportedModel, of_a_host: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    def broken(_network: LoadedNetwork, *_given: object) -> np.ndarray:
        raise RuntimeError("in a lane")

    def not_finite(_network: LoadedNetwork, windows: Any) -> tuple[np.ndarray]:
        return (np.full((len(windows[0]), 128), np.nan, "f4"),)

    for network, error in ((broken, RuntimeError), (not_finite, FadError)):
        monkeypatch.setattr(LoadedNetwork, "_embed_block", network)
        with pytest.raises(error):
            score(noise(1), noise(2), vggish, workers=2)
        try:
            score(noise(1), noise(2), vggish, workers=2)
        except error:
            # While the error is looked at, it holds all that was going on when it was raised.
            assert state() == of_a_host


def test_a_generator_that_is_dropped_half_way(vggish: ExportedModel, of_a_host: dict[str, Any]):
    features = vggish.features(noise(1).waveforms[0][None])
    stream = vggish.embed_many((features for _ in range(100)), lanes=2)
    next(stream)
    del stream
    assert state() == of_a_host


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_last_thread_that_computes_puts_the_switches_back(kind: str, of_a_host: dict[str, Any]):
    """No device is needed for what is set."""
    inside, leave = threading.Barrier(3), threading.Barrier(3)

    def compute() -> dict[str, str]:
        with full_float32(kind):
            inside.wait(60)
            found = precisions()
            leave.wait(60)
        return found

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(compute) for _ in range(2)]
        inside.wait(60)
        with device.computing(kind), pytest.raises(ValueError, match="within"), full_float32(kind):
            raise ValueError("within")
        leave.wait(60)
        found, other = (each.result() for each in both)
    whole = {name for name in found if name.startswith("mkldnn" if kind == "cpu" else "cu")}
    assert found == other == {name: "ieee" if name in whole else value for name, value in found.items()}
    assert {found[name] for name in whole} == {"ieee"} and len(whole) == 3
    assert state() == of_a_host
