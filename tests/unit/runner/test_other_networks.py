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
