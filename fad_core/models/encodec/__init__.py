"""EnCodec: 128 numbers for every 320 samples, as its encoder gives them before they are quantised.

Défossez et al., "High Fidelity Neural Audio Compression", 2022 (arXiv 2210.13438);
https://github.com/facebookresearch/encodec. The network is SEANet's encoder
(`fad_core.models.encodec.seanet`):

* `encodec-24k`: 24 kHz mono, causal, weight-normalised convolutions; 75 frames a second. A file goes through
  in blocks, at the same result as in one piece.
* `encodec-48k`: 48 kHz stereo, not causal, every convolution followed by a norm over all channels and the
  whole clip; 150 frames a second. A file goes through in one piece, and takes memory accordingly.
  The codec itself cuts into seconds and levels them out; the original FAD package does not, nor does this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.models.base import (
    EMBEDDING,
    Arrays,
    EmbeddingModel,
    OriginalQuirks,
    Vectors,
    VerificationFacts,
    load_tensors,
)
from fad_core.models.encodec.checkpoints import CHECKPOINT_24K, CHECKPOINT_48K, module_state
from fad_core.models.encodec.constants import DIMENSION, HOP, WIDTH
from fad_core.models.fadtk_conventions import longest
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch

    from fad_core.models.encodec.seanet import Encoder, StreamingEncoder

BLOCK_SAMPLES = 3 * 24_000
"""Three seconds: shorter blocks cost what each call costs, longer ones memory. Measured, in milliseconds of
processor time a second of audio: blocks of 0.5 s 19, 1 s 17.6, 3 s 16.2, 20 s 16.2.
"""


@dataclass(frozen=True)
class EncodecModel(EmbeddingModel):
    """An encoder that needs the whole clip at once."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`. Weight norms are folded into the weights."""
        return load_tensors(self._network(), module_state(state), self.name)

    def _network(self) -> Encoder:
        from fad_core.models.encodec.seanet import Encoder

        return Encoder(self.channels, causal=False, normed=True)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """The waveform as it is, `[1, channels, samples]`."""
        if waveform.shape[-1] < self.minimum_samples:
            raise ValueError(f"{waveform.shape[-1]} samples; {self.name} needs {self.minimum_samples}")
        samples = self._kept(waveform.shape[-1], options)
        sound = np.ascontiguousarray(waveform[:, :samples], dtype=np.float32)[np.newaxis]
        return self._divided(sound) if options.imitate_fadtk else (sound,)

    def _kept(self, samples: int, options: Options) -> int:
        return longest(samples, self.sample_rate) if options.imitate_fadtk else samples

    def _divided(self, sound: NDArray[np.float32]) -> Arrays:
        """Seconds `[N, C, rate]`, and the rest `[1, C, samples]`, if there is one."""
        rate, samples = self.sample_rate, sound.shape[-1]
        whole = samples // rate
        seconds = sound[0, :, : whole * rate].reshape(self.channels, whole, rate).transpose(1, 0, 2)
        return tuple(each for each in (seconds, sound[..., whole * rate :]) if each.size)

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """The whole clip, or one of its parts after the other."""
        for parts in features:
            for part in parts:
                yield (np.ascontiguousarray(part)[np.newaxis],)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Noise within ±0.5."""
        return (0.5 * _noise(batch, self.channels * samples).reshape(batch, self.channels, samples),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Batch and length."""
        import torch

        return ({0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC},)

    def exporting(self) -> AbstractContextManager[object]:
        """See `EmbeddingModel.exporting`."""
        from fad_core.models.encodec.lstm_export import any_length

        return any_length()

    def pool(self, blocks: Sequence[Arrays]) -> Vectors:
        """Every frame is one embedding."""
        return {EMBEDDING: np.concatenate([frames[0].T for (frames,) in blocks])}

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Frames of 320 samples; the last one need not be full."""
        return -(-self._kept(samples, options) // HOP)

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Frames follow each other every 320 samples."""
        return np.arange(self.vector_count(samples, options)) * HOP / self.sample_rate

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Four copies of the first layer's 32 channels, and the waveform: 25 MB a second; and 100 MB.

        Seen: 0.33 GB for 10 s, 1.3 to 1.5 GB for a minute, 3.9 GB for three (one and two threads).
        """
        once = self.sample_rate if options.imitate_fadtk else samples
        return 4 * (4 * WIDTH + self.channels) * once + 100_000_000


@dataclass(frozen=True)
class StreamingEncodecModel(EncodecModel):
    """A causal encoder: one block after the other, in bounded memory."""

    def _network(self) -> StreamingEncoder:
        from fad_core.models.encodec.seanet import StreamingEncoder

        return StreamingEncoder(self.channels)

    def _divided(self, sound: NDArray[np.float32]) -> Arrays:
        """The whole clip, which goes through in blocks."""
        return (sound,)

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Blocks of three seconds; the last one has between one and two of them, or is the whole clip."""
        (waveform,) = features
        samples = waveform.shape[-1]
        starts = range(0, max(samples - BLOCK_SAMPLES, 0) + 1, BLOCK_SAMPLES)
        for start in starts:
            stop = samples if start == starts[-1] else start + BLOCK_SAMPLES
            yield (waveform[..., start:stop],)

    def initial_state(self) -> NDArray[np.float32]:
        """All zeros: the clip starts here."""
        import torch

        with torch.device("meta"):
            size = self._network().state_size
        return np.zeros((1, size), dtype=np.float32)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Noise within ±0.5; every other row goes on with a clip, with noise for a state."""
        (waveform,) = super().example_input(batch, samples)
        state = _noise(batch, self.initial_state().shape[1])
        state[:, 0] = 1.0
        state[::2] = 0.0
        return waveform, state

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Batch and length."""
        import torch

        return (*super().dynamic_shapes(), {0: torch.export.Dim.DYNAMIC})

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Nothing that grows with the length."""
        return 0


def _noise(rows: int, columns: int) -> torch.Tensor:
    """Values in ±1 that look like noise, the same ones always, `[rows, columns]`."""
    import torch

    prime = 65521
    order = torch.arange(rows * columns) % prime
    return ((order * order % prime * 7919 % prime).float() / (prime / 2) - 1).reshape(rows, columns)


# Largest difference seen from the original's, as a share of the RMS, on 25 clips of 1 sample to 3 minutes.
# With equal kernels, 24 kHz: none; 48 kHz: 7.3e-6 with oneDNN's for AVX-512, 1.7e-5 with those for AVX2.
# With those for AVX2 or SSE4.1 against the original's for AVX-512: 1.6e-5; so far it is from itself.
_TOLERANCE = 2e-5

# Either side of where padding needs more than the clip, of one frame, of the blocks; batches of each kind.
_CASES = (
    *((1, 1), (2, 2), (3, 6), (5, 7), (2, 8), (1, 319), (2, 320)),
    *((3, 321), (5, 640), (2, 2240), (3, 2241)),
)

_GOLDEN = Path(__file__).with_name("golden.npz")

MODELS = (
    StreamingEncodecModel(
        name="encodec-24k",
        family="encodec",
        variant={"causal": True, "norm": "weight_norm"},
        sample_rate=24_000,
        channels=1,
        outputs={EMBEDDING: DIMENSION},
        minimum_samples=1,
        checkpoints=(CHECKPOINT_24K,),
        tolerance=_TOLERANCE,
        verification=VerificationFacts(
            eager_cases=(*_CASES, (2, 24_000), (1, 2 * BLOCK_SAMPLES - 1)),
            export_case=(2, 4801),
            golden=_GOLDEN,
        ),
        cuda_batch_size=16,
        quirks=OriginalQuirks(transposed_files=True),
    ),
    EncodecModel(
        name="encodec-48k",
        family="encodec",
        variant={"causal": False, "norm": "time_group_norm"},
        sample_rate=48_000,
        channels=2,
        outputs={EMBEDDING: DIMENSION},
        minimum_samples=1,
        checkpoints=(CHECKPOINT_48K,),
        tolerance=_TOLERANCE,
        verification=VerificationFacts(
            eager_cases=(*_CASES, (2, 24_000), (1, 240_001)), export_case=(2, 4801), golden=_GOLDEN
        ),
        cuda_batch_size=8,
        quirks=OriginalQuirks(transposed_files=True, resamples_channels=True),
    ),
)
