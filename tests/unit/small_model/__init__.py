"""A model of a few hundred numbers with the windows of VGGish, as a package of its own.

For what is the same for every family: it is exported and verified in a second, where a built-in one takes
hundreds of megabytes and half a minute. Like theirs, its description does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.models.base import (
    Arrays,
    Checkpoint,
    Fill,
    VerificationFacts,
    WindowedModel,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch

BANDS = 64
WINDOW = 15360
DIMENSION = 16
GOLDEN = Path(__file__).with_name("golden.npz")


@dataclass(frozen=True)
class SmallModel(WindowedModel):
    """Every 0.96 s of sound, of which each 240th sample is taken."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        from small_model.network import Classifier, Network

        network = Classifier() if "logits" in self.outputs else Network()
        return load_tensors(network, state, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        count = self.vector_count(waveform.shape[1])
        return (waveform[0, : count * WINDOW : WINDOW // BANDS].reshape(count, 1, 8, 8),)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        import torch

        return (torch.linspace(-1, 1, batch * BANDS, dtype=torch.float32).reshape(batch, 1, 8, 8),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        import torch

        return ({0: torch.export.Dim("batch", min=1, max=65536)},)

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        return samples // WINDOW

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        return np.arange(samples // WINDOW) * (WINDOW / self.sample_rate)


def _layout() -> dict[str, Fill]:
    from small_model.network import Network

    return {name: Fill(shape, std=0.3) for name, shape in tensor_shapes(Network).items()}


SMALL = SmallModel(
    name="small",
    family="small",
    variant={},
    sample_rate=16000,
    channels=1,
    outputs={"embedding": DIMENSION},
    minimum_samples=15600,
    checkpoints=(
        Checkpoint(
            filename="small.pth",
            url="",
            sha256="",
            size=None,
            licence="MIT",
            folder="checkpoints",
            layout=_layout,
            # With these two, studies are planned without torch.
            seeded_sha256="bfbcaf4047a4bede7e23bda0fe3383de730aa2b0a9280557876fe807db04c305",
            tensor_bytes=9664,
        ),
    ),
    tolerance=1e-5,
    verification=VerificationFacts(
        eager_cases=tuple((batch, 0) for batch in (1, 2, 3, 8, 33)), export_case=(2, 0), golden=GOLDEN
    ),
)
MODELS = (
    SMALL,
    # With logits, and without golden embeddings.
    replace(
        SMALL,
        name="small-classes",
        outputs={"embedding": DIMENSION, "logits": 8},
        verification=replace(SMALL.verification, golden=None),
    ),
)
