"""The models of PANN: what their networks take of a file, and how it is cut into blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.frontends.settings import LogMelSettings
from fad_core.models.base import Arrays, EmbeddingModel, Vectors, load_tensors
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.pann.constants import (
    COLUMN_FRAMES,
    REACH,
    STATE_SIZE,
    WAVEGRAM_POOLINGS,
    WAVEGRAM_STRIDE,
)

if TYPE_CHECKING:
    import torch

BANDS = 64
BLOCK_COLUMNS = 128
"""Columns (of 0.32 s each) of a file that go through the network at once, at most: 41 s, about 0.4 GB."""

# Columns at a block's inner ends whose receptive field is cut off; they are computed and discarded. A frame
# of the wavegram reaches one frame farther than one of the spectrogram.
_HALO = -(-(REACH + 1) // COLUMN_FRAMES)


def is_count(name: str) -> bool:
    """Return whether a tensor is the number of batches that the training saw."""
    return name.endswith("num_batches_tracked")


@dataclass(frozen=True)
class PannModel(EmbeddingModel):
    """Cnn14 at one of three sample rates."""

    @property
    def mel(self) -> LogMelSettings:
        """The constants of its spectrogram."""
        return LogMelSettings(sample_rate=self.sample_rate, bands=BANDS, **self.variant)

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        network = self.network(self.mel)
        # How many batches the training saw is nothing to an embedding.
        counts = {name: value for name, value in network.state_dict().items() if is_count(name)}
        return load_tensors(network, {**counts, **state}, self.name)

    @staticmethod
    def network(mel: LogMelSettings) -> torch.nn.Module:
        """Return the network without weights."""
        from fad_core.models.pann.cnn14 import Cnn14

        return Cnn14(mel)

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
        frames, columns = self.mel.frame_count(waveform.shape[1]), self.column_count(waveform.shape[1])
        # Of equal size: kernels for a short rest might round otherwise than those for the whole.
        count = -(-columns // BLOCK_COLUMNS)
        edges = [columns * block // count for block in range(count + 1)]
        for start, stop in pairwise(edges):
            first = max(start - _HALO, 0)
            # A partial column at the end is part of the receptive field of the last ones.
            last = frames if stop + _HALO >= columns else (stop + _HALO) * COLUMN_FRAMES
            yield *self.sounds(waveform, first * COLUMN_FRAMES, last), np.array([start - first, stop - first])

    def column_count(self, samples: int) -> int:
        """Return the number of whole columns of a waveform of so many samples."""
        return self.mel.frame_count(samples) // COLUMN_FRAMES

    def sounds(self, waveform: NDArray[np.float32], first: int, stop: int) -> Arrays:
        """Return the waveforms `[1, samples]` that the network takes for some of a file's frames.

        Args:
            waveform: of the file, `[1, samples]`.
            first: the first frame.
            stop: the frame after the last.
        """
        return (self.mel.samples_of_frames(waveform, first, stop),)

    def initial_state(self) -> NDArray[np.float32]:
        """The state before the first block: see `Cnn14.forward`."""
        return np.zeros((1, STATE_SIZE), dtype=np.float32)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """One block of something like noise at various levels, and the state at a file's start."""
        import torch

        place = torch.arange(batch * (samples + self.mel.fft_length))
        level = 10.0 ** (-3.0 * (place % 30011).float() / 30011)
        sound = level * ((place * 7919 % 10007).float() / 5003.5 - 1.0)
        keep = torch.tensor([0, self.column_count(samples)])
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
        """The last block's outputs are of the whole file."""
        return dict(zip(self.outputs, blocks[-1], strict=True))

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """One a file."""
        return int(samples >= self.minimum_samples)

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """The one vector is of the whole file."""
        return np.zeros(self.vector_count(samples))


@dataclass(frozen=True)
class WavegramModel(PannModel):
    """Wavegram-Logmel-Cnn14, which takes the waveform beside its spectrogram."""

    @staticmethod
    def network(mel: LogMelSettings) -> torch.nn.Module:
        """Return the network without weights."""
        from fad_core.models.pann.wavegram import WavegramLogmelCnn14

        return WavegramLogmelCnn14(mel)

    def column_count(self, samples: int) -> int:
        """Return the number of columns that both parts of the network have."""
        rows = -(-samples // WAVEGRAM_STRIDE)
        for pooling in WAVEGRAM_POOLINGS:
            rows //= pooling
        return min(rows, self.mel.frame_count(samples)) // COLUMN_FRAMES

    def sounds(self, waveform: NDArray[np.float32], first: int, stop: int) -> Arrays:
        """Return the samples of frames, and those without what is mirrored at a file's ends."""
        hop, samples = self.mel.hop_length, waveform.shape[1]
        end = samples if stop == self.mel.frame_count(samples) else stop * hop
        return *super().sounds(waveform, first, stop), waveform[:, first * hop : end]

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """As for Cnn14, with the sound itself."""
        padded, keep, state = super().example_input(batch, samples)
        half = self.mel.fft_length // 2
        return padded, padded[:, half : half + samples], keep, state

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The batch, and the samples of a block in both forms."""
        sound, keep, state = super().dynamic_shapes()
        return sound, dict(sound), keep, state
