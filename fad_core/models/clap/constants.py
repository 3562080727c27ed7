"""The sizes of HTS-AT (`htsat`) and of RoBERTa (`roberta`), and of their inputs, as in CLAP."""

from __future__ import annotations

from dataclasses import dataclass

from fad_core.frontends.settings import LogMelSettings

EMBEDDING_DIM = 512

MEL = LogMelSettings(
    sample_rate=48_000, fft_length=1024, hop_length=480, bands=64, lower_hz=50, upper_hz=14_000
)
WINDOW_SAMPLES = 480_000
# Frames are centred on multiples of the hop, the window's two ends included.
FRAMES = MEL.frame_count(WINDOW_SAMPLES)


@dataclass(frozen=True)
class Size:
    """One of HTS-AT's sizes.

    Attributes:
        width: C, the length of a token in the first stage; it doubles from stage to stage.
        depths: blocks of each stage.
        heads: of the attention in each stage.
    """

    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...] = (4, 8, 16, 32)

    @property
    def features(self) -> int:
        """Length of the vector that the network gives."""
        return self.width << len(self.depths) - 1


TINY = Size(width=96, depths=(2, 2, 6, 2))
BASE = Size(width=128, depths=(2, 2, 12, 2))


LONGEST_CAPTION = 77
"""Tokens of a caption, with its start and its end; the rest is cut off."""
PADDING = 1
"""Id of the token that fills up a caption."""


@dataclass(frozen=True)
class TextSize:
    """A size of RoBERTa or GPT-2.

    Attributes:
        words: number of tokens it knows.
        places: places in a text; RoBERTa does not use the first two.
        width: C, the length of a token's vector.
        layers: number of layers.
        heads: of the attention.
        hidden: width of a layer's hidden part.
    """

    words: int
    places: int
    width: int
    layers: int
    heads: int
    hidden: int


ROBERTA = TextSize(words=50_265, places=514, width=768, layers=12, heads=12, hidden=3072)
