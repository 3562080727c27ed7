"""CLAP's text half: 512 numbers for a caption, in the space of the audio half's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fad_core.models.base import Arrays, Checkpoint, NetworkModel, VerificationFacts, load_tensors
from fad_core.models.clap.checkpoints import text_checkpoint
from fad_core.models.clap.constants import EMBEDDING_DIM, LONGEST_CAPTION, PADDING, ROBERTA

if TYPE_CHECKING:
    import torch

_VOCABULARY = "https://huggingface.co/roberta-base/resolve/main/"


def _vocabulary_file(filename: str, size: int, sha256: str) -> Checkpoint:
    return Checkpoint(
        filename=filename,
        url=_VOCABULARY + filename,
        sha256=sha256,
        size=size,
        licence="MIT",
        folder="roberta-base",
        layout=dict,
        seeded_sha256="",
    )


VOCABULARY = (
    _vocabulary_file(
        "vocab.json", 798_293, "ed19656ea1707df69134c4af35c8ceda2cc9860bf2c3495026153a133670ab5e"
    ),
    _vocabulary_file(
        "merges.txt", 456_318, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
    ),
)
"""The files of RoBERTa's vocabulary: ids of tokens, and pairs that are one token."""


@dataclass(frozen=True, kw_only=True)
class ClapTextModel(NetworkModel):
    """CLAP's text half: the tokens of a caption, and which of them are no padding, to a unit vector.

    A caption goes through the network by itself, at its own length. The original fills all captions up to 77
    tokens and masks what it has added, which gives the same vector within rounding, and takes longer.
    """

    length_unit: ClassVar[str] = "tokens"

    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """See `NetworkModel.build`."""
        from fad_core.models.clap.roberta import ClapText

        return load_tensors(ClapText(), state, self.name)

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Yield a caption as it is: its ids and its mask, int64 `[1, L]`."""
        yield features

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Captions of up to `samples` tokens; every other one has a quarter of padding."""
        import torch

        place = torch.arange(samples)
        ids = 2 + (place * 7919 + torch.arange(batch)[:, None] * 104_729) % (ROBERTA.words - 2)
        lengths = torch.where(torch.arange(batch) % 2 == 0, samples, samples - samples // 4)
        attended = place < lengths[:, None]
        return torch.where(attended, ids, PADDING), attended.long()

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The batch and the length of both arguments."""
        import torch

        axes = {
            0: torch.export.Dim("batch", min=1, max=4096),
            1: torch.export.Dim("tokens", min=1, max=ROBERTA.places - 2),
        }
        return axes, axes


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
            eager_cases=((1, 2), (1, LONGEST_CAPTION), (2, 5), (3, 16), (4, 31)),
            export_case=(2, 16),
            golden=Path(__file__).with_name("golden_text.npz"),
        ),
        cuda_batch_size=32,
    )
