"""CDPAM: 512 numbers for every second of sound, of its acoustics or of its content.

Manocha et al., "CDPAM: Contrastive Learning for Perceptual Audio Similarity", ICASSP 2021 (arXiv
2102.05109); https://github.com/pranaymanocha/PerceptualAudio. The encoder has sixteen convolutions over time.
The mean of the last one's values over time has 1024 numbers: the first half is called acoustics, the second
half content. Each half is divided by its length.

CDPAM itself compares two sounds of any length. The Fréchet distance needs many embeddings: as in fadtk
(https://github.com/microsoft/fadtk) and kadtk, sound is rounded to 16 bits at 22 050 Hz and cut into chunks
of one second, of which the last one may be shorter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.models.base import (
    Arrays,
    Checkpoint,
    EmbeddingModel,
    Fill,
    VerificationFacts,
    WheelMember,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = CHUNK = 22_050
"""A chunk is one second."""
DIMENSION = 512
HALVES = ("acoustic", "content")
CHUNKS_AT_ONCE = 4
_FULL_SCALE = 32_768
_PREFIX = "base_encoder."


@dataclass(frozen=True)
class CdpamModel(EmbeddingModel):
    """The encoder, over one chunk after the other; both halves come from one pass."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        from fad_core.models.cdpam.network import Encoder

        network = Encoder([HALVES.index(name) for name in self.outputs])
        named = {name.removeprefix(_PREFIX): tensor for name, tensor in state.items()}
        counts = {name: tensor for name, tensor in network.state_dict().items() if _is_count(name)}
        return load_tensors(network, named | counts, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """The values that the sound has in 16 bits, `[1, samples]`: whole numbers from -32768 to 32767."""
        if waveform.shape[-1] < self.minimum_samples:
            raise ValueError(f"{waveform.shape[-1]} samples; {self.name} needs {self.minimum_samples}")
        scaled = np.round(waveform * np.float32(_FULL_SCALE))
        return (np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.float32, copy=False),)

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Chunks of one second, four at once; the last one may be shorter."""
        (samples,) = features
        whole = samples.shape[1] // CHUNK
        chunks = samples[0, : whole * CHUNK].reshape(whole, CHUNK)
        for start in range(0, whole, CHUNKS_AT_ONCE):
            yield (chunks[start : start + CHUNKS_AT_ONCE],)
        if samples.shape[1] > whole * CHUNK:
            yield (samples[:, whole * CHUNK :],)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Whole numbers within ±8192 that look like noise."""
        import torch

        prime = 65_521
        order = torch.arange(batch * samples) % prime
        values = (order * order % prime * 7919 % prime).to(torch.float32) / 4 - prime // 8
        return (values.round().reshape(batch, samples),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Batch and length."""
        import torch

        return ({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},)

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Chunks, with a last one that is shorter."""
        return -(-samples // CHUNK)

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Chunks follow each other every second."""
        return np.arange(self.vector_count(samples), dtype=np.float64)


def _is_count(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _shapes() -> dict[str, tuple[int, ...]]:
    from fad_core.models.cdpam.network import Encoder

    return tensor_shapes(partial(Encoder, (0, 1)))


def _layout() -> dict[str, Fill]:
    """The encoder's tensors."""
    return {_PREFIX + name: _fill(name, shape) for name, shape in _shapes().items() if not _is_count(name)}


def _fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor. Sound in 16 bits has values of some thousands, later layers of about 1."""
    if len(shape) > 1:
        scale = 4096.0 if name == "encoder.0.weight" else 1.0
        return Fill(shape, std=math.sqrt(2.0 / math.prod(shape[1:])) / scale)
    if name.startswith("ebatch") and not name.endswith("mean"):
        # Biases below 0 tell sounds apart: without, all unit vectors are close to each other.
        return Fill(shape, std=0.2, mean=-0.5 if name.endswith("bias") else 1.0)
    return Fill(shape, std=0.2)


def _unused() -> dict[str, Fill]:
    """How many batches the training saw, and the layers that compare two sounds."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, outputs) in enumerate(pairwise((DIMENSION, 256, 64, 16, 4))):
        shapes[f"model_dist.convs.{layer}.0.weight"] = (outputs, inputs)
        shapes[f"model_dist.convs.{layer}.0.bias"] = shapes[f"model_dist.chan_w.{layer}"] = (outputs,)
    for layer, (inputs, outputs) in zip((0, 3, 6), pairwise((1, 16, 6, 2)), strict=True):
        shapes[f"model_classif.MLP.{layer}.weight"] = (outputs, inputs)
        shapes[f"model_classif.MLP.{layer}.bias"] = (outputs,)
    counts = {_PREFIX + name: Fill((), dtype="int64") for name in _shapes() if _is_count(name)}
    return counts | {name: Fill(shape) for name, shape in shapes.items()}


CHECKPOINT = Checkpoint(
    filename="scratchJNDdefault_best_model.pth",
    url="",
    wheel=WheelMember(
        package="cdpam",
        version="0.0.6",
        sha256="abd860166a55ada94cb653997deed481b518e3a593e9b417a969f99522009eba",
        member="cdpam/CDPAM_trained/scratchJNDdefault_best_model.pth",
    ),
    sha256="453c8b6edee1a94f0120236156436ff28fe4d8d884485e4a67695c8e8570bdfe",
    size=106_120_042,
    licence="MIT",
    folder="cdpam",
    layout=_layout,
    seeded_sha256="9c13942e51d22debfaf382c1b4f2f5e891d48e7d16af07f2406e5a9aa4d29e9e",
    tensor_bytes=104_302_080,
    section=("state",),
    scope=(_PREFIX,),
    unused=_unused,
)


def _variant(
    name: str, outputs: tuple[str, ...], aliases: tuple[str, ...] = (), shares_with: str = ""
) -> CdpamModel:
    return CdpamModel(
        name=name,
        family="cdpam",
        variant={},
        sample_rate=SAMPLE_RATE,
        channels=1,
        outputs=dict.fromkeys(outputs, DIMENSION),
        minimum_samples=1,
        checkpoints=(CHECKPOINT,),
        # With the official weights, silence is the hardest: all columns of a layer are equal, so that
        # rounding errors are equal too and no mean cancels them, and the batch norms cancel most of what is
        # convolved. There the original is 9e-6 of the RMS from its network in float64, the kernels 1.6e-5;
        # on noise both are 2e-6 from it.
        tolerance=5e-5,
        verification=VerificationFacts(
            # Either side of the kernel, of where columns are dropped, and of a chunk; batches of both kinds.
            eager_cases=((1, 1), (2, 2), (3, 15), (2, 16), (2, 37), (1, 1024), (3, 5001), (2, CHUNK)),
            export_case=(2, 5001),
            golden=Path(__file__).with_name("golden.npz"),
            longest_clip=2.05,
        ),
        aliases=aliases,
        shares_with=shares_with,
    )


MODELS = (
    _variant("cdpam-acoustic", HALVES, aliases=("cdpam",)),
    _variant("cdpam-content", HALVES[::-1], shares_with="cdpam-acoustic"),
)
