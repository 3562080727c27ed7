"""MS-CLAP's text half: 1024 numbers for a caption, in the space of the audio half's.

GPT-2 and a projection. Embeddings are not unit vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fad_core.models.base import (
    Checkpoint,
    Fill,
    NetworkModel,
    VerificationFacts,
    load_tensors,
    tensor_shapes,
)
from fad_core.models.clap.constants import TextSize
from fad_core.models.text_model import (
    EAGER_CASES,
    EXPORT_CASE,
    TextModel,
    TokenizerConfig,
    vocabulary_files,
)

if TYPE_CHECKING:
    import torch

SIZE = TextSize(words=50_257, places=1024, width=768, layers=12, heads=12, hidden=3072)
PADDING = 0
"""Id of the exclamation mark, with which the original fills captions."""
_TRANSPOSED = (".c_attn.weight", ".c_fc.weight", ".c_proj.weight")
"""Ends of the names of matrices that GPT-2's files hold as `[inputs, outputs]`."""

TOKENIZER = TokenizerConfig(
    files=vocabulary_files(
        "gpt2", 1_042_301, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"
    ),
    words=SIZE.words,
    marks={"!": PADDING, "<|endoftext|>": SIZE.words - 1},
    padding=PADDING,
    longest=SIZE.places,
    suffix=" <|endoftext|>",
)
"""GPT-2's, as the package `msclap` uses it."""


@dataclass(frozen=True, kw_only=True)
class MsClapTextModel(TextModel):
    """MS-CLAP's text half."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `NetworkModel.build`."""
        from fad_core.models.msclap.gpt2 import MsClapText

        turned = {name: value.T if name.endswith(_TRANSPOSED) else value for name, value in state.items()}
        return load_tensors(MsClapText(self.dimension), turned, self.name)


def _layout(dimension: int) -> dict[str, Fill]:
    """The tensors that the network takes."""
    from fad_core.models.msclap.gpt2 import MsClapText

    return {name: _fill(name, shape) for name, shape in tensor_shapes(partial(MsClapText, dimension)).items()}


def _fill(name: str, shape: tuple[int, ...]) -> Fill:
    """The seeded fill of a tensor, given its shape in the network; words count for more than their places."""
    if len(shape) == 1:
        return Fill(shape, std=0.1, mean=1.0 if name.endswith("weight") else 0.0)
    if ".wte." in name or ".wpe." in name:
        return Fill(shape, std=1.0 if ".wte." in name else 0.5)
    return Fill(shape[::-1] if name.endswith(_TRANSPOSED) else shape, std=math.sqrt(2.0 / shape[-1]))


def _unused() -> dict[str, Fill]:
    """What the file's text half holds besides: which tokens attention may reach."""
    attention = [f"caption_encoder.base.h.{number}.attn" for number in range(SIZE.layers)]
    triangles = {f"{name}.bias": Fill((1, 1, SIZE.places, SIZE.places)) for name in attention}
    return triangles | {f"{name}.masked_bias": Fill(()) for name in attention}


def msclap_text(audio: NetworkModel) -> MsClapTextModel:
    """Return the text half that belongs to the audio half of MS-CLAP."""
    (checkpoint,) = audio.checkpoints
    return MsClapTextModel(
        name=f"{audio.name}-text",
        family=audio.family,
        variant={},
        outputs={"text": audio.dimension},
        checkpoints=(_text_checkpoint(checkpoint, audio.dimension),),
        # Shares of the RMS, which is near 1. Seen against the original: 5.7e-6, with kernels for SSE4.1, AVX2
        # and AVX-512.
        tolerance=3e-5,
        verification=VerificationFacts(
            eager_cases=EAGER_CASES,
            export_case=EXPORT_CASE,
            golden=Path(__file__).with_name("golden_text.npz"),
        ),
        cuda_batch_size=32,
        tokenizer=TOKENIZER,
    )


def _text_checkpoint(audio: Checkpoint, dimension: int) -> Checkpoint:
    return replace(
        audio,
        layout=partial(_layout, dimension),
        seeded_sha256="33a965a0538bff35d72791e61051e1d31e4140ccf877fe076643f54bdcb843e1",
        tensor_bytes=505_107_456,
        prefix="",
        scope=("caption_encoder.",),
        unused=_unused,
    )
