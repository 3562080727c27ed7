"""Models of captions: what they have in common, and how each reads a caption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from fad_core.models.base import Arrays, Checkpoint, NetworkModel

if TYPE_CHECKING:
    import torch

EAGER_CASES = ((1, 2), (1, 77), (2, 5), (3, 16), (4, 31))
"""Captions and tokens on which an exported model of captions is compared with its network."""
EXPORT_CASE = (2, 16)


@dataclass(frozen=True)
class TokenizerConfig:
    """How a caption becomes ids of tokens: byte-level pairs, with marks among them.

    Attributes:
        files: the official vocabulary, `vocab.json` and `merges.txt`.
        words: number of ids.
        marks: tokens that are found in a caption before it is cut into words, with their ids.
        padding: id of the mark that the original fills short captions with.
        longest: most tokens that the network takes.
        ends: marks around each caption, which is cut off so that they and it have `longest` tokens.
        suffix: text behind each caption, if it has no `ends`; one that is too long is an error.
    """

    files: tuple[Checkpoint, ...]
    words: int
    marks: Mapping[str, int]
    padding: int
    longest: int
    ends: tuple[str, str] | None = None
    suffix: str = ""


def vocabulary_files(folder: str, size: int, sha256: str) -> tuple[Checkpoint, Checkpoint]:
    """Describe a vocabulary at Hugging Face; those of GPT-2 and RoBERTa have the same pairs.

    Args:
        folder: name of the repository there, and of the folder in `ckpt_dir`.
        size: of vocab.json in bytes.
        sha256: of vocab.json.
    """
    vocabulary = Checkpoint(
        filename="vocab.json",
        url=f"https://huggingface.co/{folder}/resolve/main/vocab.json",
        sha256=sha256,
        size=size,
        licence="MIT",
        folder=folder,
        layout=dict,
        seeded_sha256="",
    )
    merges = replace(
        vocabulary,
        filename="merges.txt",
        url=f"https://huggingface.co/{folder}/resolve/main/merges.txt",
        sha256="1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
        size=456_318,
    )
    return vocabulary, merges


@dataclass(frozen=True, kw_only=True)
class TextModel(NetworkModel):
    """A model that embeds a caption in the space of sounds: its ids, int64 `[B, L]`, to `[B, D]`.

    A caption goes through the network by itself, at its own length. The originals fill captions up to one
    length, which gives the same vector within rounding, and takes longer.

    Attributes:
        tokenizer: how it reads a caption.
    """

    length_unit: ClassVar[str] = "tokens"

    tokenizer: TokenizerConfig

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Yield a caption as it is: its ids, int64 `[1, L]`."""
        yield features

    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Captions of `samples` tokens; a quarter of every other one is padding."""
        import torch

        place = torch.arange(samples)
        number = torch.arange(batch)[:, None]
        ids = 2 + (place * 7919 + number * 104_729) % (self.tokenizer.words - 2)
        lengths = torch.where(number % 2 == 0, samples, samples - samples // 4)
        return (torch.where(place < lengths, ids, self.tokenizer.padding),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The batch and the length."""
        import torch

        batch = torch.export.Dim("batch", min=1, max=4096)
        return ({0: batch, 1: torch.export.Dim("tokens", min=1, max=self.tokenizer.longest)},)


def both_halves(audio: Checkpoint, text: Checkpoint) -> Checkpoint:
    """Describe a whole file, such that a seeded one has values in both halves.

    Args:
        audio: the description of its audio half.
        text: that of its text half, whose prefix is the beginning of the other's.
    """
    between = audio.prefix.removeprefix(text.prefix)
    layout = {f"{between}{name}": fill for name, fill in audio.layout().items()} | {**text.layout()}
    unused = {f"{between}{name}": fill for name, fill in audio.unused().items()} | {**text.unused()}
    return replace(
        text,
        layout=lambda: layout,
        seeded_sha256="",
        scope=("",),
        unused=lambda: {name: fill for name, fill in unused.items() if name not in layout},
    )
