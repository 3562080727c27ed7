"""MS-CLAP: 1024 numbers for seven seconds of sound, in a space that sounds share with their descriptions.

Elizalde et al., "Natural Language Supervision for General-Purpose Audio Representations", ICASSP 2024 (arXiv
2309.05767), as in the package `msclap` (https://github.com/microsoft/CLAP), version "2023". The audio half is
CLAP's network, HTS-AT (`fad_core.models.clap.htsat`), and a projection. Embeddings are not unit vectors.

A file that is shorter than seven seconds is repeated until it fills them. Of a longer one, `Options.crop`
chooses what is embedded, as of CLAP (`fad_core.models.clap`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ModelError
from fad_core.frontends.settings import LogMelSettings
from fad_core.models.base import (
    EMBEDDING,
    Checkpoint,
    Fill,
    VerificationFacts,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.clap import ClapModel
from fad_core.models.fadtk_conventions import clap_windows
from fad_core.models.log_mel import log_mel_layout
from fad_core.models.msclap.text import msclap_text
from fad_core.models.options import Options

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 44_100
WINDOW_SAMPLES = 7 * SAMPLE_RATE
EMBEDDING_DIM = 1024
# The package makes HTS-AT with the settings that it has for sound at 32 kHz, and gives it sound at 44.1 kHz:
# the bands lie 1.38 times as high as these.
MEL = LogMelSettings(
    sample_rate=32_000, fft_length=1024, hop_length=320, bands=64, lower_hz=50, upper_hz=14_000
)


@dataclass(frozen=True)
class MsClapModel(ClapModel):
    """MS-CLAP's audio half: the spectrogram is part of the network."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `EmbeddingModel.build`."""
        from fad_core.models.msclap.network import MsClapAudio

        return load_tensors(MsClapAudio(), state, self.name)

    def _filled(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.resize(samples, self.window_samples)

    def _fadtk_windows(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return clap_windows(samples, self.window_samples, self.sample_rate)

    def require_options(self, options: Options) -> None:
        """See `EmbeddingModel.require_options`; the default hop would leave out sound between windows."""
        super().require_options(options)
        if options.crop == "windows" and options.hop_seconds * self.sample_rate > self.window_samples:
            raise ModelError(
                f"{self.name} has windows of 7 s: hop_seconds must be at most 7, not {options.hop_seconds}, "
                "which would leave out the sound between two windows"
            )


def _layout() -> dict[str, Fill]:
    """The tensors that the network takes."""
    from fad_core.models.clap.checkpoints import htsat_fill
    from fad_core.models.msclap.network import MsClapAudio

    tables = {f"base.htsat.{name}": fill for name, fill in log_mel_layout(MEL).items()}
    return {
        name: tables.get(name) or htsat_fill(name, shape)
        for name, shape in tensor_shapes(MsClapAudio).items()
    }


def _unused() -> dict[str, Fill]:
    """What the file's audio half holds besides."""
    import torch

    from fad_core.models.clap.checkpoints import htsat_rest
    from fad_core.models.msclap.network import MsClapAudio

    with torch.device("meta"):
        audio = MsClapAudio()
    return {name: fill for name, fill in htsat_rest(audio) if name not in audio.state_dict()}


MODELS = (
    MsClapModel(
        name="msclap-2023",
        family="msclap",
        variant={},
        sample_rate=SAMPLE_RATE,
        channels=1,
        outputs={EMBEDDING: EMBEDDING_DIM},
        minimum_samples=1,
        checkpoints=(
            Checkpoint(
                filename="CLAP_weights_2023.pth",
                url="https://huggingface.co/microsoft/msclap/resolve/main/CLAP_weights_2023.pth",
                sha256="2cef4016d47d00eb28d153d522f397222057f95000e9bad6b9583c631284a1e6",
                size=689_950_036,
                licence="MS-PL",
                folder="",
                layout=_layout,
                seeded_sha256="c871d350a0d7cf09be4d7dd047d25fb6f62df4a8e8666207de584992dc876c48",
                tensor_bytes=121_820_520,
                section=("model",),
                prefix="audio_encoder.",
                scope=("base.", "projection."),
                unused=_unused,
            ),
        ),
        # Shares of the RMS, which is near 1. Seen against the original: 2.8e-6 with oneDNN's kernels for
        # AVX-512 and AVX2; 1.4e-5 with those for SSE4.1, in bands that a sound leaves empty, as of CLAP.
        tolerance=3e-5,
        verification=VerificationFacts(
            # Two: torch.export would take a batch of one for a constant.
            eager_cases=tuple((batch, 0) for batch in (1, 2, 3, 4)),
            export_case=(2, 0),
            golden=Path(__file__).with_name("golden.npz"),
            empty_bands_are_noise=True,
        ),
        batch_size=1,
        cuda_batch_size=32,
        cropped=True,
        aliases=("msclap",),
        window_samples=WINDOW_SAMPLES,
    ),
)
TEXT_MODELS = tuple(map(msclap_text, MODELS))
