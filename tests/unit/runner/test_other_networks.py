"""Networks of other people, whose operations the built-in models lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_pt2 import DIMENSION, TinyModel, export_tiny, tiny_is_known, tiny_model
from torch import nn

from fad_core.errors import ModelError
from fad_core.runner.backend import Backend, Runner
from fad_core.runner.backends import MultiFileNetwork
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


class Activations(nn.Module):
    """Layers whose operators no built-in model has."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Flatten(), nn.Linear(64, 16), nn.SiLU(), nn.Dropout(), nn.Linear(16, DIMENSION), nn.Tanh())
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layers(x)
        return made


def test_an_own_export_may_have_any_operator(tmp_path: Path):
    model = tiny_model(Activations)
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


class Normed(nn.Module):
    """Products with kernels, and a norm without one."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Flatten(), nn.Linear(64, 64), nn.LayerNorm(64), nn.Linear(64, DIMENSION, bias=False))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layers(x)
        return made


class ByColumns(Product):
    """A product of columns, as VGGish's PCA is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.weight @ x.flatten(1).T).T


@pytest.mark.parametrize("network", [Product, Normed, ByColumns, Activations])
def test_a_window_has_the_same_bits_in_any_file(network: type[nn.Module], tmp_path: Path):
    with exported_by(tiny_model(network), tmp_path) as loaded:
        for exported in loaded.values():
            windows = [exported.features(part) for part in np.split(NOISE, 33, axis=1)]
            together = exported.embed(NOISE)["embedding"]
            for lanes, counts in ((0, ()), (2, [1] * 33), (3, [1] * 33)):
                apart = list(exported.embed_many(iter(windows), lanes, counts))
                np.testing.assert_array_equal(np.concatenate([each["embedding"] for each in apart]), together)
            alone = [exported.embed_features(each)["embedding"] for each in windows]
            np.testing.assert_array_equal(np.concatenate(alone), together)


@pytest.mark.parametrize(("network", "expected"), [(None, True), (ByColumns, True), (Normed, False)])
def test_batches_are_filled_where_they_must_be(
    network: type[nn.Module] | None, expected: bool, tmp_path: Path
):
    model = tiny_model() if network is None else tiny_model(network)
    with exported_by(model, tmp_path) as loaded:
        made = loaded["fast"]._network
        assert isinstance(made, MultiFileNetwork)
        assert made.any_batch is expected
