"""PANN: one vector of 2048 numbers for a whole file, and logits of the 527 classes of AudioSet.

Kong et al. 2020 (arXiv 1912.10211). The networks are their Cnn14 (see `fad_core.models.pann.cnn14`), for
sound at 8, 16 or 32 kHz, and their Wavegram-Logmel-Cnn14, with the weights of
https://zenodo.org/record/3987831. The whole file counts, without any padding to a round length. A long one
goes through the network in overlapping blocks: exactly, and in bounded memory.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

from fad_core.frontends.settings import LogMelSettings
from fad_core.models.base import (
    EMBEDDING,
    LOGITS,
    Checkpoint,
    Fill,
    OriginalQuirks,
    VerificationFacts,
    tensor_shapes,
)
from fad_core.models.log_mel import log_mel_layout
from fad_core.models.pann.constants import CLASSES, COLUMN_FRAMES, EMBEDDING_DIM
from fad_core.models.pann.model import BANDS, PannModel, WavegramModel, is_count

_ZENODO = "https://zenodo.org/record/3987831/files/"


def _layout(kind: type[PannModel], mel: LogMelSettings) -> dict[str, Fill]:
    """The tensors that the network takes."""
    shapes = tensor_shapes(partial(kind.network, mel))
    fills = {name: _fill(name, shape) for name, shape in shapes.items() if not is_count(name)}
    return fills | log_mel_layout(mel)


def _fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor, such that all sizes stay near 1 from block to block."""
    if name.startswith("bn0.running"):
        # Decibels: silence has -100 in all bands, loud sound some above 0.
        return (
            Fill(shape, std=10.0, mean=-50.0) if name.endswith("mean") else Fill(shape, std=100.0, mean=600.0)
        )
    if name == "pre_conv0.weight":
        return Fill(shape, std=2.0)  # of sound, whose mean square is far below 1
    if len(shape) > 1:
        return Fill(shape, std=math.sqrt(2.0 / math.prod(shape[1:])))
    of_one = "bn" in name and name.endswith(("weight", "var"))
    return Fill(shape, std=0.2, mean=1.0 if of_one else 0.0)


def _unused(kind: type[PannModel], mel: LogMelSettings) -> dict[str, Fill]:
    """How many batches the training saw."""
    names = tensor_shapes(partial(kind.network, mel))
    return {name: Fill((), dtype="int64") for name in names if is_count(name)}


def _variant(
    name: str,
    mel: LogMelSettings,
    filename: str,
    *,
    seeded_sha256: str,
    tensor_bytes: int,
    sha256: str = "",
    file_bytes: int | None = None,
    kind: type[PannModel] = PannModel,
    shortest: int = 0,
) -> PannModel:
    # Frame 0 is centred on sample 0: so many hops give the 32 frames of one column.
    shortest = shortest or (COLUMN_FRAMES - 1) * mel.hop_length
    second = mel.sample_rate
    return kind(
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
        outputs={EMBEDDING: EMBEDDING_DIM, LOGITS: CLASSES},
        minimum_samples=shortest,
        checkpoints=(
            Checkpoint(
                filename=filename,
                url=_ZENODO + filename,
                sha256=sha256,
                size=file_bytes,
                licence="CC-BY-4.0",
                folder="",
                layout=partial(_layout, kind, mel),
                seeded_sha256=seeded_sha256,
                tensor_bytes=tensor_bytes,
                section=("model",),
                unused=partial(_unused, kind, mel),
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
        # The original of Wavegram-Logmel-Cnn14 is another package than that with this fault.
        quirks=OriginalQuirks(scalar_statistics=kind is PannModel),
    )


MODELS = (
    _variant(
        "pann-8k",
        LogMelSettings(8000, fft_length=256, hop_length=80, bands=BANDS, lower_hz=50, upper_hz=4000),
        "Cnn14_8k_mAP%3D0.416.pth",
        seeded_sha256="04b6243001988359e4c72179f3ac6492161e4d8c48e64068397cf7aa01c21c03",
        tensor_bytes=323_376_700,
    ),
    _variant(
        "pann-16k",
        LogMelSettings(16000, fft_length=512, hop_length=160, bands=BANDS, lower_hz=50, upper_hz=8000),
        "Cnn14_16k_mAP%3D0.438.pth",
        seeded_sha256="ab508244b2d6276bc6eac6c5f7e3947088824c0f6e58554b4f5e81ff4dfa957a",
        tensor_bytes=324_197_948,
        sha256="e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6",
        file_bytes=358_668_570,
    ),
    # The original package asks for bands up to 16 kHz and then loads the checkpoint's matrix, up to 14 kHz.
    _variant(
        "pann-32k",
        LogMelSettings(32000, fft_length=1024, hop_length=320, bands=BANDS, lower_hz=50, upper_hz=14000),
        "Cnn14_mAP%3D0.431.pth",
        seeded_sha256="1c3b226ccba6afe2f374faf0d64f88defc693242a433d0fe179de8f64fa0216a",
        tensor_bytes=327_413_308,
        sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
    ),
    _variant(
        "pann-wavegram-logmel",
        LogMelSettings(32000, fft_length=1024, hop_length=320, bands=BANDS, lower_hz=50, upper_hz=14000),
        "Wavegram_Logmel_Cnn14_mAP%3D0.439.pth",
        seeded_sha256="5a4aa66b955f54d54f393e62ac14e7b77bf206fda36c92ed16548bcafd2565da",
        tensor_bytes=328_667_452,
        kind=WavegramModel,
        # Three poolings of four leave the 32 frames of one column of so many samples, and not of one fewer.
        shortest=10_236,
    ),
)
