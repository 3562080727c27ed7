"""A tiny model with two checkpoints, one of which holds NumPy arrays, as VGGish with PCA has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fad_core.models.base import Arrays, Checkpoint, EmbeddingModel, Fill, Vectors, VerificationFacts
from fad_core.models.options import DEFAULT_OPTIONS, Options

MAIN_LAYOUT = {
    "features.0.weight": Fill((4, 1, 3, 3), std=0.5),
    "features.0.bias": Fill((4,), std=0.1),
    "norm.running_var": Fill((4,), std=0.1, mean=1.0),
    "norm.num_batches_tracked": Fill((), std=0.0, mean=7.0, dtype="int64"),
}
ARRAY_LAYOUT = {
    "eigen_vectors": Fill((3, 3), std=1.0, as_array=True),
    "means": Fill((3,), std=1.0, dtype="float64", as_array=True),
}
MAIN = Checkpoint(
    "tiny.pth", "http://127.0.0.1:9/tiny.pth", "", None, "MIT", "checkpoints", lambda: MAIN_LAYOUT, ""
)
ARRAYS = replace(MAIN, filename="tiny_pca.pth", layout=lambda: ARRAY_LAYOUT)


class FakeModel(EmbeddingModel):
    """Has weights; does nothing with them."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        raise NotImplementedError

    def frontend(self, waveform: np.ndarray, options: Options = DEFAULT_OPTIONS, key: str = "") -> Arrays:
        raise NotImplementedError

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        raise NotImplementedError

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        raise NotImplementedError

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        raise NotImplementedError

    def pool(self, blocks: Sequence[Arrays]) -> Vectors:
        raise NotImplementedError

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        return samples // self.minimum_samples

    def start_seconds(self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = "") -> np.ndarray:
        raise NotImplementedError


def fake_model(*checkpoints: Checkpoint) -> FakeModel:
    """A model with these checkpoints."""
    return FakeModel(
        name="tiny",
        family="tiny",
        variant={},
        sample_rate=16000,
        channels=1,
        outputs={"embedding": 3},
        minimum_samples=1,
        checkpoints=checkpoints,
        tolerance=0.0,
        verification=VerificationFacts(eager_cases=((1, 0),), export_case=(2, 0)),
    )
