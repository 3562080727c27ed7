"""PaSST: 768 numbers for ten seconds of sound, and a value for each of AudioSet's 527 classes.

Koutini et al., "Efficient Training of Audio Transformers with Patchout", Interspeech 2022 (arXiv
2110.05069), as in the package `hear21passt` (https://github.com/kkoutini/passt_hear21), whose network for
sound of up to ten seconds this is: a vision transformer over patches of a log-mel spectrogram. The embedding
is the mean of its two first tokens, from which a dense layer makes the logits.

Of a longer file, `Options.crop` chooses what is embedded, as of CLAP. A shorter one is embedded

* by `passt` in its own length, with the positions of the first patches, as by `hear21passt`;
* by `passt-10s` and `passt-10s-all` with zeros up to ten seconds, as by most who use that package.

The vectors of `passt-10s-all` begin with the logits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    VerificationFacts,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.crops import window_starts
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch

MEL = LogMelSettings(
    sample_rate=32000,
    fft_length=1024,
    hop_length=320,
    bands=128,
    lower_hz=0.0,
    upper_hz=15000.0,
    window_length=800,
    log_offset=1e-5,
)
FRAMES = 1000
WINDOW = FRAMES * MEL.hop_length
"""Ten seconds."""
WIDTH, CLASSES = 768, 527
# Frames of one patch, and as many hops: the shortest window of `hear21passt`.
_LEAST_FRAMES = 16
_LEAST_SAMPLES = _LEAST_FRAMES * MEL.hop_length
# Each sample less so much of the one before.
_EMPHASIS = np.float32(0.97)
_MEAN, _SCALE = np.float32(-4.5), np.float32(5.0)


@dataclass(frozen=True)
class PasstModel(EmbeddingModel):
    """The transformer, over one window after the other."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        from fad_core.models.passt.network import PaSST

        return load_tensors(PaSST(joined=self.variant["joined"]), state, self.name)

    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """Log-mel spectrograms of the windows, `[N, 1, 128, 1000]`; of a short file with fewer frames."""
        samples = waveform[0].astype(np.float32, copy=False)
        if len(samples) < self.minimum_samples:
            raise ValueError(f"{len(samples)} samples; {self.name} needs {self.minimum_samples}")
        if self.variant["padded"]:
            samples = np.pad(samples, (0, max(WINDOW - len(samples), 0)))
        starts = self._starts(len(samples), options, key)
        return (np.stack([_spectrogram(samples[start : start + WINDOW]) for start in starts])[:, np.newaxis],)

    def _starts(self, samples: int, options: Options, key: str) -> NDArray[np.int64]:
        return window_starts(samples, WINDOW, MEL.sample_rate, options, key)

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """One window after the other; more at once are not faster on a CPU."""
        (spectrograms,) = features
        for place in range(len(spectrograms)):
            yield (spectrograms[place : place + 1],)

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Numbers that look like noise, from those of silence, -1.4, to those of loud sound."""
        import torch

        frames = MEL.frame_count(max(samples, _LEAST_SAMPLES) - 1)
        prime = 65_521
        order = torch.arange(batch * MEL.bands * frames) % prime
        values = (order * order % prime * 7919 % prime).to(torch.float32) * (3.2 / prime) - 1.4
        return (values.reshape(batch, 1, MEL.bands, frames),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Batch and frames."""
        import torch

        frames = torch.export.Dim("frames", min=_LEAST_FRAMES, max=FRAMES)
        return ({0: torch.export.Dim("batch", min=1, max=4096), 3: frames},)

    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """One a window."""
        return len(self.start_seconds(samples, options))

    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Where the windows start."""
        return self._starts(samples, options, key) / MEL.sample_rate

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """The windows' spectrograms."""
        several = options.crop == "windows"
        return 4 * MEL.bands * FRAMES * self.vector_count(samples, options) if several else 0

    def samples_of(self, shape: Sequence[int]) -> int:
        """Samples of so many frames."""
        return shape[-1] * MEL.hop_length


def _spectrogram(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The spectrogram of a window as the network takes it, `[128, frames]`."""
    from fad_core.frontends.kaldi import kaldi_log_mel

    emphasised = samples[1:] - _EMPHASIS * samples[:-1]
    return (kaldi_log_mel(emphasised, MEL) - _MEAN) / _SCALE


def _as_amplitudes(features: Arrays) -> Arrays:
    """Logarithms as amplitudes: a transform's rounding is a share of the loudest band."""
    return tuple(np.exp((each.astype(np.float64) * _SCALE + _MEAN) / 2) for each in features)


def _layout() -> dict[str, Fill]:
    """The tensors that the network takes."""
    from fad_core.models.passt.network import PaSST

    return {name: _fill(name, shape) for name, shape in tensor_shapes(partial(PaSST, joined=False)).items()}


def _fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor, such that all sizes stay near 1 from layer to layer."""
    if len(shape) == 1:
        # Gains of normalisations, and biases.
        gain = "norm" in name or name.startswith("head.0")
        return Fill(shape, std=0.1, mean=1.0 if gain and name.endswith("weight") else 0.0)
    if name.endswith(("token", "pos_embed")):
        return Fill(shape, std=0.5)
    return Fill(shape, std=math.sqrt(1.0 / math.prod(shape[1:])))


def _unused() -> dict[str, Fill]:
    """The classifier of the distillation token, which only training used."""
    return {"head_dist.weight": Fill((CLASSES, WIDTH)), "head_dist.bias": Fill((CLASSES,))}


CHECKPOINT = Checkpoint(
    filename="passt-s-f128-p16-s10-ap.476-swa.pt",
    url="https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset/passt-s-f128-p16-s10-ap.476-swa.pt",
    sha256="302903fa8c4aee817b11dc982da0b29aaf8d11a3e722420476d0a12c9db70c2c",
    size=344_665_734,
    licence="Apache-2.0",
    folder="checkpoints",
    layout=_layout,
    seeded_sha256="bda7c17cb590c9ea153e1571d000e51484b02738a9d1e5fc8d5a76ff07cbd5d1",
    tensor_bytes=342_993_980,
    unused=_unused,
)


def _variant(name: str, *, padded: bool, joined: bool = False) -> PasstModel:
    return PasstModel(
        name=name,
        family="passt",
        variant={"padded": padded, "joined": joined},
        sample_rate=MEL.sample_rate,
        channels=1,
        outputs={EMBEDDING: CLASSES + WIDTH} if joined else {EMBEDDING: WIDTH, "logits": CLASSES},
        minimum_samples=1 if padded else _LEAST_SAMPLES,
        checkpoints=(CHECKPOINT,),
        # Seen against the original, AVX-512: 2.9e-6 of the RMS.
        tolerance=1e-5,
        verification=VerificationFacts(
            eager_cases=((1, _LEAST_SAMPLES), (3, 32000), (2, 100_000), (1, WINDOW), (2, WINDOW)),
            export_case=(2, 32000),
            golden=Path(__file__).with_name("golden.npz"),
            # As amplitudes: other kernels for the transform are 1.7e-6 off, an exact one is 8.2e-6.
            frontend_tolerance=2e-5,
            linear=_as_amplitudes,
        ),
        cuda_batch_size=16,
        cropped=True,
    )


MODELS = (
    _variant("passt", padded=False),
    _variant("passt-10s", padded=True),
    _variant("passt-10s-all", padded=True, joined=True),
)
