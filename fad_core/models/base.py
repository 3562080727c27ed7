"""The interface of an embedding model: its properties and a few functions.

A family (a folder beside this file) subclasses `EmbeddingModel`, and gives `MODELS`, a tuple of its variants.
It imports torch in the functions that need it: a study is planned without torch, which is slow to import.

    waveform → frontend → features → blocks → network, block after block → pool → embeddings
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ModelError
from fad_core.models.checkpoint import Checkpoint, Fill, WheelMember
from fad_core.models.facts import EMBEDDING, LOGITS, Arrays, OriginalQuirks, Vectors, VerificationFacts
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.models.network_model import NetworkModel
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.tensors import load_tensors, tensor_shapes

__all__ = [
    "EMBEDDING",
    "LOGITS",
    "Arrays",
    "Checkpoint",
    "EmbeddingModel",
    "Fill",
    "NetworkModel",
    "OriginalQuirks",
    "Vectors",
    "VerificationFacts",
    "WheelMember",
    "WindowedModel",
    "load_tensors",
    "tensor_shapes",
]


@dataclass(frozen=True, kw_only=True)
class EmbeddingModel(NetworkModel):
    """An embedding model: a network (`NetworkModel`), its frontend, and the times of its embeddings.

    Attributes:
        sample_rate: sample rate in Hz of the waveform that `frontend` takes.
        channels: number of channels of that waveform.
        minimum_samples: length in samples of the shortest waveform that gives an embedding.
        quirks: behaviour of the original package that is reproduced on request.
        cropped: whether the window is fixed, so that `Options.crop` means something.
        aliases: other names of the model, such as the original package's.
        shares_with: id of a model of the same network that has the same outputs in another order. What that
            one has embedded is taken from the cache for this one; "": there is none.

    >>> from fad_core.models import get_model
    >>> model = get_model("vggish")
    >>> model.sample_rate, model.outputs, model.minimum_samples
    (16000, {'embedding': 128}, 15600)
    >>> (patches,) = model.frontend(np.zeros((1, 32000), np.float32))
    >>> patches.shape, model.vector_count(32000), model.start_seconds(32000)
    ((2, 1, 96, 64), 2, array([0.  , 0.96]))
    >>> model.pool([(np.zeros((2, 128), np.float32),)])["embedding"].shape
    (2, 128)
    """

    sample_rate: int
    channels: int
    minimum_samples: int
    quirks: OriginalQuirks = OriginalQuirks()
    cropped: bool = False
    aliases: tuple[str, ...] = ()
    shares_with: str = ""

    @abstractmethod
    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """Compute the features of a waveform, as the original package does for its network.

        Args:
            waveform: `[channels, samples]` at `sample_rate`, float32 (float64 if `quirks.float64_waveforms`).
            options: how the model is used.
            key: identifies the file (its sha256), for random draws.

        Returns:
            One array or several `[N, …]`.

        Raises:
            ValueError: the waveform has fewer than `minimum_samples` samples.
        """

    @abstractmethod
    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Return the number of vectors of a waveform.

        Args:
            samples: length of the waveform in samples, at least `minimum_samples`.
            options: how the model is used.

        Returns:
            N, the same for each output.
        """

    @abstractmethod
    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Return the start of each window, the same for all outputs.

        Args:
            samples: length of the waveform in samples, at least `minimum_samples`.
            options: how the model is used.
            key: identifies the file (its sha256), for random draws.

        Returns:
            Seconds, float64 `[vector_count(samples)]`.
        """

    def require_options(self, options: Options) -> None:
        """Check that options apply to this model.

        Args:
            options: how the model is to be used.

        Raises:
            ModelError: the model has no crop, or not this one, or its windows would not advance, or the
                package whose conventions are to be followed does not have it.
        """
        if options.imitate_fadtk and self.name not in FADTK_NAMES:
            known = ", ".join(FADTK_NAMES)
            raise ModelError(f"fadtk has no {self.name}; compatibility=fadtk is for {known}")
        if options.crop != DEFAULT_OPTIONS.crop and not self.cropped:
            raise ModelError(f"{self.name} embeds whole files: it has no crop")
        hop = options.hop_seconds
        if options.crop == "windows" and hop * self.sample_rate < 1:
            raise ModelError(f"{self.name}: hop_seconds must be at least one sample long, not {hop}")


class WindowedModel(EmbeddingModel):
    """A model whose features are windows `[N, …]` of one size, each of which is embedded by itself.

    >>> from fad_core.models import get_model
    >>> isinstance(get_model("vggish"), WindowedModel), isinstance(get_model("pann-16k"), WindowedModel)
    (True, False)
    """

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Yield all windows at once; they are put into batches later (`fad_core.runner.window_batches`).

        Args:
            features: one array or several `[N, …]` of one file, as `frontend` returns them.

        Yields:
            The same arrays.
        """
        yield features
