"""VGGish: 128 numbers for every 0.96 s of sound.

Hershey et al., "CNN Architectures for Large-Scale Audio Classification", ICASSP 2017
(arXiv 1609.09430), and the embedding of the first FAD (Kilgour et al. 2019, arXiv 1812.08466).
The checkpoint is the PyTorch port of the AudioSet release, https://github.com/harritaylor/torchvggish.

Six 3×3 convolutions in four stages, each closed by a 2×2 max-pooling, then three fully connected
layers, on patches of 96 frames × 64 mel bands. The original FAD package drops the last ReLU
(`vggish`) or keeps it (`vggish-activation`), and can put the AudioSet release's PCA and 8-bit
quantisation behind (`vggish-pca`, `vggish-pca-activation`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.log_mel import log_mel_spectrogram
from fad_core.models.base import (
    EMBEDDING,
    Arrays,
    Checkpoint,
    Fill,
    OriginalQuirks,
    VerificationFacts,
    WindowedModel,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.vggish.constants import (
    EMBEDDING_DIM,
    MEL,
    PATCH_FRAMES,
    QUANTIZE_MAX,
    QUANTIZE_MIN,
    QUANTIZE_STEPS,
)

if TYPE_CHECKING:
    import torch

_RELEASE = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/"


@dataclass(frozen=True)
class VGGishModel(WindowedModel):
    """VGGish with its frontend, in one of the original package's four settings."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        from fad_core.models.vggish.network import VGGish

        return load_tensors(VGGish(**self.variant), state, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """Log-mel patches `[N, 1, 96, 64]`, without overlap; an incomplete last one is dropped."""
        if waveform.shape[-1] < self.minimum_samples:
            raise ValueError(f"{waveform.shape[-1]} samples; {self.name} needs {self.minimum_samples}")
        log_mel = log_mel_spectrogram(waveform[0], MEL)
        count = len(log_mel) // PATCH_FRAMES
        patches = log_mel[: count * PATCH_FRAMES].reshape(count, 1, PATCH_FRAMES, MEL.bands)
        return (patches.astype(np.float32),)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Patches within the range of log-mel spectra of music, ln 0.01 … 4."""
        import torch

        count = batch * PATCH_FRAMES * MEL.bands
        values = torch.linspace(math.log(MEL.log_offset), 4.0, count, dtype=torch.float32)
        # A stride that is coprime to the length spreads the ramp over the patch.
        order = torch.arange(len(values)) * 7919 % len(values)
        return (values[order].reshape(batch, 1, PATCH_FRAMES, MEL.bands),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The batch alone."""
        import torch

        return ({0: torch.export.Dim("batch", min=1, max=65536)},)

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Whole patches."""
        return MEL.frame_count(samples) // PATCH_FRAMES

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Patches follow each other without overlap, every 0.96 s."""
        hop = PATCH_FRAMES * MEL.hop_length
        return np.arange(self.vector_count(samples)) * hop / MEL.sample_rate


def rounding_distance(unrounded: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distance of the PCA's output from the nearest edge of the quantisation, in its own unit."""
    scale = QUANTIZE_STEPS / (QUANTIZE_MAX - QUANTIZE_MIN)
    steps = (np.clip(unrounded.astype(np.float64), QUANTIZE_MIN, QUANTIZE_MAX) - QUANTIZE_MIN) * scale
    return np.abs(steps - np.floor(steps) - 0.5) / scale


def _network_layout() -> dict[str, Fill]:
    """Tensors of the main file. He's gain keeps the variance through the ReLUs (He et al. 2015)."""
    from fad_core.models.vggish.network import VGGish

    return {
        name: Fill(shape, std=math.sqrt(2.0 / math.prod(shape[1:])) if len(shape) > 1 else 0.1)
        for name, shape in tensor_shapes(partial(VGGish, pca=False, activation=True)).items()
    }


def _pca_layout() -> dict[str, Fill]:
    """Arrays of the PCA file. The gain puts the seeded network's projections within ±2."""
    return {
        "pca_eigen_vectors": Fill(
            (EMBEDDING_DIM, EMBEDDING_DIM),
            std=0.25 / math.sqrt(EMBEDDING_DIM),
            dtype="float64",
            as_array=True,
        ),
        "pca_means": Fill((EMBEDDING_DIM,), std=1.0, dtype="float64", as_array=True),
    }


NETWORK_CHECKPOINT = Checkpoint(
    filename="vggish-10086976.pth",
    url=_RELEASE + "vggish-10086976.pth",
    sha256="10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
    size=288_567_937,
    licence="Apache-2.0",
    folder="checkpoints",
    layout=_network_layout,
    seeded_sha256="00b8a942ebbbfb38903d23d26d9211d19aaa040016d5cf320c439dc6f2bc9725",
    tensor_bytes=288_564_736,
)
PCA_CHECKPOINT = Checkpoint(
    filename="vggish_pca_params-970ea276.pth",
    url=_RELEASE + "vggish_pca_params-970ea276.pth",
    sha256="970ea276",
    size=181_358,
    licence="Apache-2.0",
    folder="checkpoints",
    layout=_pca_layout,
    seeded_sha256="5708ab5d9decf442555c7d57783538bf3015030c00b6c233dfe41ccbee913e77",
    tensor_bytes=132_096,
)


def _variant(name: str, *, pca: bool, activation: bool) -> VGGishModel:
    return VGGishModel(
        name=name,
        family="vggish",
        variant={"pca": pca, "activation": activation},
        sample_rate=MEL.sample_rate,
        channels=1,
        outputs={EMBEDDING: EMBEDDING_DIM},
        # One patch: 95 hops and one whole window.
        minimum_samples=(PATCH_FRAMES - 1) * MEL.hop_length + MEL.window_length,
        checkpoints=(NETWORK_CHECKPOINT, PCA_CHECKPOINT) if pca else (NETWORK_CHECKPOINT,),
        # Largest difference seen from the original's, as a share of the RMS, over kernels for AVX-512, AVX2
        # and SSE4.1: 7.5e-6; with the last activation, whose zeros make the RMS smaller and the errors not,
        # 1.1e-5.
        tolerance=2e-5 if activation and not pca else 1e-5,
        verification=VerificationFacts(
            eager_cases=tuple((batch, 0) for batch in (1, 2, 3, 7, 8, 16, 31, 32, 33, 64)),
            # Two: torch.export would take a batch of one for a constant.
            export_case=(2, 0),
            golden=Path(__file__).with_name("golden.npz"),
            quantization_step=1.0 if pca else 0.0,
            rounding_distance=rounding_distance,
        ),
        quirks=OriginalQuirks(float64_waveforms=True),
        cuda_batch_size=128,
    )


MODELS = (
    _variant("vggish", pca=False, activation=False),
    _variant("vggish-activation", pca=False, activation=True),
    _variant("vggish-pca", pca=True, activation=False),
    _variant("vggish-pca-activation", pca=True, activation=True),
)
