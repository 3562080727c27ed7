"""PANN: one vector of 2048 numbers for a whole file.

Kong et al. 2020 (arXiv 1912.10211). The network is their Cnn14 (see `fad_core.models.pann.cnn14`), with
the weights of https://zenodo.org/record/3987831 for sound at 8, 16 or 32 kHz. The whole file counts, without
any padding to a round length. A long one goes through the network in overlapping blocks: exactly, and in
bounded memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.settings import LogMelSettings
from fad_core.models.base import (
    EMBEDDING,
    Arrays,
    Checkpoint,
    EmbeddingModel,
    Fill,
    OriginalQuirks,
    Vectors,
    VerificationFacts,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.log_mel import log_mel_layout
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.pann.constants import COLUMN_FRAMES, EMBEDDING_DIM, REACH, STATE_SIZE

if TYPE_CHECKING:
    import torch

BLOCK_COLUMNS = 128
"""Columns (of 0.32 s each) of a file that go through the network at once, at most: 41 s, about 0.4 GB."""

# Columns at a block's inner ends whose receptive field is cut off; they are computed and discarded.
_HALO = -(-REACH // COLUMN_FRAMES)
_BANDS = 64
_CLASSES = 527
_ZENODO = "https://zenodo.org/record/3987831/files/"


@dataclass(frozen=True)
class PannModel(EmbeddingModel):
    """Cnn14 at one of three sampling rates."""

    @property
    def mel(self) -> LogMelSettings:
        """The constants of its spectrogram."""
        return LogMelSettings(sample_rate=self.sample_rate, bands=_BANDS, **self.variant)

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        from fad_core.models.pann.cnn14 import Cnn14

        network = Cnn14(self.mel)
        # How many batches the training saw is nothing to an embedding.
        counts = {name: value for name, value in network.state_dict().items() if _is_count(name)}
        return load_tensors(network, {**counts, **state}, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """The waveform itself, `[1, samples]`: the spectrogram is part of the network."""
        if waveform.shape[-1] < self.minimum_samples:
            raise ValueError(f"{waveform.shape[-1]} samples; {self.name} needs {self.minimum_samples}")
        return (waveform.astype(np.float32, copy=False),)

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Stretches of the waveform (padded half a frame at its ends by reflection), and columns to keep.

        Each but a file's last begins and ends with as many columns as depend on its neighbours.
        """
        (waveform,) = features
        frames = self.mel.frame_count(waveform.shape[1])
        columns = frames // COLUMN_FRAMES
        # Of equal size: kernels for a short rest might round otherwise than those for the whole.
        count = -(-columns // BLOCK_COLUMNS)
        edges = [columns * block // count for block in range(count + 1)]
        for start, stop in pairwise(edges):
            first = max(start - _HALO, 0)
            # A partial column at the end is part of the receptive field of the last ones.
            last = frames if stop + _HALO >= columns else (stop + _HALO) * COLUMN_FRAMES
            samples = self.mel.samples_of_frames(waveform, first * COLUMN_FRAMES, last)
            yield samples, np.array([start - first, stop - first])

    def initial_state(self) -> NDArray[np.float32]:
        """The state before the first block: see `Cnn14.forward`."""
        return np.zeros((1, STATE_SIZE), dtype=np.float32)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """One block of something like noise at various levels, and the state at a file's start."""
        import torch

        place = torch.arange(batch * (samples + self.mel.fft_length))
        level = 10.0 ** (-3.0 * (place % 30011).float() / 30011)
        sound = level * ((place * 7919 % 10007).float() / 5003.5 - 1.0)
        keep = torch.tensor([0, self.mel.frame_count(samples) // COLUMN_FRAMES])
        state = torch.from_numpy(self.initial_state()).repeat(batch, 1)
        return sound.reshape(batch, -1), keep, state

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The batch and the samples of a block."""
        import torch

        batch = torch.export.Dim("batch", min=1, max=65536)
        return {0: batch, 1: torch.export.Dim.DYNAMIC}, {}, {0: batch}

    def exporting(self) -> AbstractContextManager[object]:
        """Tell `torch.export` that a dynamic size may as well be 1: the columns of a short file are."""
        from torch.fx.experimental import _config

        context: AbstractContextManager[object] = _config.patch(  # type: ignore[attr-defined]
            backed_size_oblivious=True
        )
        return context

    def pool(self, blocks: Sequence[Arrays]) -> Vectors:
        """The last block's output is the whole file's embedding."""
        return dict(zip(self.outputs, blocks[-1], strict=True))

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """One a file."""
        return int(samples >= self.minimum_samples)

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """The one vector is of the whole file."""
        return np.zeros(self.vector_count(samples))


def _is_count(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _layout(mel: LogMelSettings) -> dict[str, Fill]:
    """The tensors that the network takes."""
    fills = {name: _fill(name, shape) for name, shape in _shapes(mel).items() if not _is_count(name)}
    return fills | log_mel_layout(mel)


def _shapes(mel: LogMelSettings) -> dict[str, tuple[int, ...]]:
    from fad_core.models.pann.cnn14 import Cnn14

    return tensor_shapes(partial(Cnn14, mel))


def _fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor, such that all sizes stay near 1 from block to block."""
    if name.startswith("bn0.running"):
        # Decibels: silence has -100 in all bands, loud sound some above 0.
        return (
            Fill(shape, std=10.0, mean=-50.0) if name.endswith("mean") else Fill(shape, std=100.0, mean=600.0)
        )
    if len(shape) > 1:
        return Fill(shape, std=math.sqrt(2.0 / math.prod(shape[1:])))
    of_one = "bn" in name and name.endswith(("weight", "var"))
    return Fill(shape, std=0.2, mean=1.0 if of_one else 0.0)


def _unused(mel: LogMelSettings) -> dict[str, Fill]:
    """The classifier, and how many batches the training saw."""
    counts = {name: Fill((), dtype="int64") for name in _shapes(mel) if _is_count(name)}
    weight, bias = Fill((_CLASSES, EMBEDDING_DIM)), Fill((_CLASSES,))
    return counts | {"fc_audioset.weight": weight, "fc_audioset.bias": bias}


def _variant(
    name: str,
    mel: LogMelSettings,
    filename: str,
    *,
    seeded_sha256: str,
    tensor_bytes: int,
    sha256: str = "",
    file_bytes: int | None = None,
) -> PannModel:
    # Frame 0 is centred on sample 0: so many hops give the 32 frames of one column.
    shortest = (COLUMN_FRAMES - 1) * mel.hop_length
    second = mel.sample_rate
    return PannModel(
        name=name,
        family="pann",
        variant={
            "fft_length": mel.fft_length,
            "hop_length": mel.hop_length,
            "lower_hz": mel.lower_hz,
            "upper_hz": mel.upper_hz,
        },
        sample_rate=mel.sample_rate,
        channels=1,
        outputs={EMBEDDING: EMBEDDING_DIM},
        minimum_samples=shortest,
        checkpoints=(
            Checkpoint(
                filename=filename,
                url=_ZENODO + filename,
                sha256=sha256,
                size=file_bytes,
                licence="CC-BY-4.0",
                folder="",
                layout=partial(_layout, mel),
                seeded_sha256=seeded_sha256,
                tensor_bytes=tensor_bytes,
                section=("model",),
                unused=partial(_unused, mel),
            ),
        ),
        # In one block this is the original's embedding bit for bit, as long as both use the same kernels; in
        # several it is within 1.6e-6 of the RMS. oneDNN's kernels for AVX2 and for AVX-512 differ by 6.5e-6.
        # Its kernels for SSE4.1, which sum the Fourier transform up in another order, move the original by
        # 3.4e-4 on pure tones: between a tone and the floor, a spectrogram in float32 is rounding noise.
        tolerance=1e-5,
        verification=VerificationFacts(
            eager_cases=(
                (1, shortest),
                (2, shortest + 1),
                (3, second // 2 + 1),
                (5, second),
                (2, 7 * second // 3),
                (1, second * 1001 // 100),
                (1, 40 * second),
            ),
            export_case=(2, 2 * second + 1),
            golden=Path(__file__).with_name("golden.npz"),
            empty_bands_are_noise=True,
        ),
        quirks=OriginalQuirks(scalar_statistics=True),
    )


MODELS = (
    _variant(
        "pann-8k",
        LogMelSettings(8000, fft_length=256, hop_length=80, bands=_BANDS, lower_hz=50, upper_hz=4000),
        "Cnn14_8k_mAP%3D0.416.pth",
        seeded_sha256="aa24a6a368e256d1d1575356b07a3e72e1926a004e538d70aae1575f197b030f",
        tensor_bytes=319_057_408,
    ),
    _variant(
        "pann-16k",
        LogMelSettings(16000, fft_length=512, hop_length=160, bands=_BANDS, lower_hz=50, upper_hz=8000),
        "Cnn14_16k_mAP%3D0.438.pth",
        seeded_sha256="89f317ff9dc3a0ebec9df72d099ed65cd24f6e59820e217b3b2c23b9ae43c6d8",
        tensor_bytes=319_878_656,
        sha256="e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6",
        file_bytes=358_668_570,
    ),
    # The original package asks for bands up to 16 kHz and then loads the checkpoint's matrix, up to 14 kHz.
    _variant(
        "pann-32k",
        LogMelSettings(32000, fft_length=1024, hop_length=320, bands=_BANDS, lower_hz=50, upper_hz=14000),
        "Cnn14_mAP%3D0.431.pth",
        seeded_sha256="09f77e052e6bdaf97b0a2d5e81cd0860fd7878e0a894613ac72f841e66f7f396",
        tensor_bytes=323_094_016,
        sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
    ),
)
