"""A tiny model, its `.pt2`, and archives that are changed on purpose."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.models.base import (
    Arrays,
    Checkpoint,
    EmbeddingModel,
    Fill,
    VerificationFacts,
    WindowedModel,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.runner import exported
from fad_core.runner.pt2 import export_model
from fad_core.weights import locate_weights

DIMENSION = 8


class Network(nn.Module):
    """A bit of each: a convolution, a pooling, sizes, a tensor taken apart, a constant, products."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.hidden = nn.Linear(128, 16)
        self.out = nn.Linear(16, DIMENSION)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embeds `[N, 1, 8, 8]`."""
        pooled = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        first, second = torch.relu(self.hidden(pooled.flatten(1))).view(x.shape[0], 2, 8).unbind(1)
        ramp = torch.arange(8, device=x.device) * 0.1
        return self.out(torch.cat([first * ramp, second], dim=1))


def _layout(network: Callable[[], nn.Module]) -> Mapping[str, Fill]:
    return {name: Fill(shape, std=0.3) for name, shape in tensor_shapes(network).items()}


@dataclass(frozen=True)
class TinyModel(WindowedModel):
    """Sound cut into 64 samples."""

    network: Callable[[], nn.Module] = Network

    def build(self, state: Mapping[str, torch.Tensor]) -> nn.Module:
        return load_tensors(self.network(), state, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        return (waveform[0, : waveform.shape[1] // 64 * 64].reshape(-1, 1, 8, 8),)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        return (torch.linspace(-1, 1, batch * 64, dtype=torch.float32).reshape(batch, 1, 8, 8),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        return ({0: torch.export.Dim("batch", min=1, max=65536)},)

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        return samples // 64

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        return np.arange(samples // 64) * 0.004


def tiny_model(network: Callable[[], nn.Module] = Network) -> TinyModel:
    """The model, with this network or another one of the same inputs and outputs."""
    layout = partial(_layout, network)
    checkpoint = Checkpoint("tiny.pth", "", "", None, "MIT", "checkpoints", layout, "")
    return TinyModel(
        name="tiny",
        family="tiny",
        variant={},
        sample_rate=16000,
        channels=1,
        outputs={"embedding": DIMENSION},
        minimum_samples=64,
        checkpoints=(checkpoint,),
        tolerance=1e-6,
        verification=VerificationFacts(eager_cases=((1, 0),), export_case=(2, 0)),
        batch_size=4,
        network=network,
    )


class TwoHeads(Network):
    """The network with a second, longer output."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        """Embeds `[N, 1, 8, 8]`."""
        vectors = super().forward(x)
        return vectors, torch.cat([vectors, torch.relu(vectors)], dim=1)


class TwoOutputsModel(TinyModel):
    """The tiny model with two outputs of different lengths."""

    def build(self, state: Mapping[str, torch.Tensor]) -> nn.Module:
        return load_tensors(TwoHeads(), state, self.name)


def two_outputs_model() -> TwoOutputsModel:
    """The model with two outputs."""
    outputs = {"vectors": DIMENSION, "wide": 2 * DIMENSION}
    return TwoOutputsModel(**(vars(tiny_model()) | {"name": "two-outputs", "outputs": outputs}))


def export_tiny(path: Path, model: EmbeddingModel | None = None) -> Path:
    """Write its `.pt2`, with seeded weights."""
    model = model or tiny_model()
    export_model(model, locate_weights(model, "seeded"), path)
    return path


@contextmanager
def tiny_is_known(model: EmbeddingModel | None = None) -> Iterator[None]:
    """Let `ExportedModel` know the model, beside the others."""
    known = exported.get_model

    def get_model(name: str) -> EmbeddingModel:
        return (model or tiny_model()) if name == "tiny" else known(name)

    with mock.patch.object(exported, "get_model", get_model):
        yield


Members = dict[str, bytes]
"""Of an archive, by their names below its folder."""


def members_of(path: Path) -> Members:
    """Read an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive with right checksums."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"archive/{name}", data)
    return path


def with_json(members: Members, name: str, change: Callable[[Any], object]) -> Members:
    """Members of which one, a JSON file, is changed."""
    content = json.loads(members[name])
    change(content)
    return {**members, name: json.dumps(content).encode()}
