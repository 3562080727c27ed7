"""CLAP's text half: 512 numbers for a caption, in the space of the audio half's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fad_core.models.base import NetworkModel, VerificationFacts, load_tensors
from fad_core.models.clap.checkpoints import text_checkpoint
from fad_core.models.clap.constants import EMBEDDING_DIM, LONGEST_CAPTION, PADDING, ROBERTA
from fad_core.models.text_model import (
    EAGER_CASES,
    EXPORT_CASE,
    TextModel,
    TokenizerConfig,
    vocabulary_files,
)

if TYPE_CHECKING:
    import torch

TOKENIZER = TokenizerConfig(
    files=vocabulary_files(
        "roberta-base", 798_293, "ed19656ea1707df69134c4af35c8ceda2cc9860bf2c3495026153a133670ab5e"
    ),
    words=ROBERTA.words,
    marks={"<s>": 0, "<pad>": PADDING, "</s>": 2, "<unk>": 3, "<mask>": ROBERTA.words - 1},
    padding=PADDING,
    longest=LONGEST_CAPTION,
    ends=("<s>", "</s>"),
)
"""RoBERTa's."""


@dataclass(frozen=True, kw_only=True)
class ClapTextModel(TextModel):
    """CLAP's text half, which gives unit vectors."""

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `NetworkModel.build`."""
        from fad_core.models.clap.roberta import ClapText

        return load_tensors(ClapText(), state, self.name)


def clap_text(audio: NetworkModel) -> ClapTextModel:
    """Return the text half that belongs to an audio half of CLAP."""
    return ClapTextModel(
        name=f"{audio.name}-text",
        family=audio.family,
        variant={},
        outputs={"text": EMBEDDING_DIM},
        checkpoints=tuple(map(text_checkpoint, audio.checkpoints)),
        # Shares of a unit vector's RMS, √(1/512). The kernels of the fast runner differ by up to 1e-5.
        tolerance=5e-5,
        verification=VerificationFacts(
            eager_cases=EAGER_CASES,
            export_case=EXPORT_CASE,
            golden=Path(__file__).with_name("golden_text.npz"),
        ),
        cuda_batch_size=32,
        tokenizer=TOKENIZER,
    )
