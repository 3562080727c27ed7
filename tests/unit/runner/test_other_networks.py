"""Networks of other people, whose operations the built-in models lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_pt2 import DIMENSION, TinyModel, export_tiny, tiny_is_known, tiny_model
from torch import nn

from fad_core.errors import ModelError
from fad_core.models import get_model
from fad_core.models.base import Arrays
from fad_core.models.options import DEFAULT_OPTIONS, Dtype, Options
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend, Runner
from fad_core.runner.backends import MultiFileNetwork
from fad_core.runner.cuda_batches import CudaBatcher
from fad_core.runner.exported import ExportedModel
from fad_core.verification.check import require_passed
from fad_core.verification.eager import EagerLevel
from fad_core.weights import locate_weights

RUNNERS: tuple[Runner, ...] = ("fast", "plain")
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 33 * 64)).astype(np.float32)


@contextmanager
def exported_by(model: TinyModel, folder: Path) -> Iterator[dict[Runner, ExportedModel]]:
    """Export a model, and load it for each runner."""
    path = export_tiny(folder / "tiny.pt2", model)
    with tiny_is_known(model):
        yield {runner: ExportedModel(path, backend=Backend(runner), origin="own") for runner in RUNNERS}


class Layers(nn.Module):
    """Layers one after the other, of 64 samples."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), *layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layers(x)
        return made


def activations() -> Layers:
    """Layers whose operators no built-in model has."""
    return Layers(nn.Linear(64, 16), nn.SiLU(), nn.Dropout(), nn.Linear(16, DIMENSION), nn.Tanh())


def normed() -> Layers:
    """Products with kernels, and a norm without one."""
    return Layers(nn.Linear(64, 64), nn.LayerNorm(64), nn.Linear(64, DIMENSION, bias=False))


def test_an_own_export_may_have_any_operator(tmp_path: Path):
    model = tiny_model(activations)
    level = EagerLevel(model, locate_weights(model, "seeded"))
    with exported_by(model, tmp_path) as loaded:
        for exported in loaded.values():
            require_passed(list(level.compare(exported)))
            assert exported.embed(NOISE)["embedding"].shape == (33, DIMENSION)
        assert loaded["fast"].fast
        with pytest.raises(ModelError, match="cannot be read without running code"):
            ExportedModel(tmp_path / "tiny.pt2")
        ExportedModel(tmp_path / "tiny.pt2", origin="trusted")


class Product(nn.Module):
    """A product that no rule replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(DIMENSION, 64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.matmul(x.flatten(1), self.weight.T)


class ByColumns(Product):
    """A product of columns, as VGGish's PCA is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.weight @ x.flatten(1).T).T


@pytest.mark.parametrize("network", [Product, normed, ByColumns, activations])
def test_a_window_has_the_same_bits_in_any_file(network: Callable[[], nn.Module], tmp_path: Path):
    with exported_by(tiny_model(network), tmp_path) as loaded:
        for exported in loaded.values():
            windows = [exported.features(part) for part in np.split(NOISE, 33, axis=1)]
            together = exported.embed(NOISE)["embedding"]
            for lanes, counts in ((0, ()), (2, [1] * 33), (3, [1] * 33)):
                apart = list(exported.embed_many(iter(windows), lanes, counts))
                np.testing.assert_array_equal(np.concatenate([each["embedding"] for each in apart]), together)
            alone = [exported.embed_features(each)["embedding"] for each in windows]
            np.testing.assert_array_equal(np.concatenate(alone), together)


@pytest.mark.parametrize(("network", "expected"), [(None, True), (ByColumns, True), (normed, False)])
def test_batches_are_filled_where_they_must_be(
    network: Callable[[], nn.Module] | None, expected: bool, tmp_path: Path
):
    model = tiny_model() if network is None else tiny_model(network)
    with exported_by(model, tmp_path) as loaded:
        made = loaded["fast"]._load()._network
        assert isinstance(made, MultiFileNetwork)
        assert made.any_batch is expected


class Codes(TinyModel):
    """A model whose features are whole numbers."""

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        assert waveform.dtype == np.float32
        return (np.sign(waveform[0]).astype(np.int64).reshape(-1, 64),)


class Spectrograms(TinyModel):
    """A model whose features are `[N, frames, bands]` of hops of 100 samples."""

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        return 10_000_000 * samples

    def samples_of(self, shape: Sequence[int]) -> int:
        return 100 * shape[1]


def test_features_may_be_whole_numbers(tmp_path: Path):
    path = export_tiny(tmp_path / "tiny.pt2")
    with tiny_is_known(Codes(**vars(tiny_model()))):
        (codes,) = ExportedModel(path, origin="own").features(NOISE)
    assert codes.dtype == np.int64 and codes.shape == (33, 64)


@pytest.mark.parametrize("dtype", ["float64", "int16"])
def test_frontends_are_given_float32_as_they_are_promised(dtype: Dtype, tmp_path: Path):
    path = export_tiny(tmp_path / "tiny.pt2")
    with tiny_is_known():
        found = ExportedModel(path, Options(dtype=dtype), origin="own").embed(NOISE.astype(np.float64))  # type: ignore[arg-type]
        expected = ExportedModel(path, origin="own").embed(NOISE)
    np.testing.assert_array_equal(found["embedding"], expected["embedding"])


def test_the_original_vggish_computes_in_float64_where_sound_is_read_so():
    use = ModelUse(get_model("vggish"), Options(dtype="float64"))
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 20_000))
    single = use.frontend(sound.astype(np.float32))[0]
    assert use.frontend(sound)[0].dtype == single.dtype == np.float32
    assert (use.frontend(sound)[0] != single).any()


def test_memory_is_of_samples_whatever_the_features_are(tmp_path: Path):
    path = export_tiny(tmp_path / "tiny.pt2")
    model = Spectrograms(**vars(tiny_model()))
    with tiny_is_known(model):
        loaded = ExportedModel(path, origin="own")
        features = (np.zeros((1, 5, 8), np.float32),)
        assert loaded._load()._memory(loaded.use.options, [features, features]) == 10_000_000 * 500
    sizes: list[int] = []

    class Sizes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sizes.append(len(x))
            return x

    batcher = CudaBatcher(Sizes(), model, DEFAULT_OPTIONS, 4)  # type: ignore[arg-type]
    for frames in (1, 5):
        batcher.run_calls([(torch.zeros(1, frames, 8),)] * 4)
    assert sizes == [4, 1, 1, 1, 1], "a batch of 5 GB would be too large"
