"""The interface of an embedding model: its properties and a few functions.

A family (a folder beside this file) subclasses `EmbeddingModel`, and gives `MODELS`, a tuple of its variants.
It imports torch in the functions that need it: a study is planned without torch, which is slow to import.

    waveform → frontend → features → blocks → network, block after block → pool → embeddings
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ModelError
from fad_core.models.checkpoint import Checkpoint, Fill, WheelMember
from fad_core.models.facts import EMBEDDING, LOGITS, Arrays, OriginalQuirks, Vectors, VerificationFacts
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.tensors import load_tensors, tensor_shapes

if TYPE_CHECKING:
    import torch

__all__ = [
    "EMBEDDING",
    "LOGITS",
    "Arrays",
    "Checkpoint",
    "EmbeddingModel",
    "Fill",
    "OriginalQuirks",
    "Vectors",
    "VerificationFacts",
    "WheelMember",
    "WindowedModel",
    "load_tensors",
    "tensor_shapes",
]


@dataclass(frozen=True)
class EmbeddingModel(ABC):
    """An embedding model: a network, its frontend, and the times of its embeddings.

    Attributes:
        name: the id that configurations use, e.g. "vggish-pca".
        family: the package's name, e.g. "vggish".
        variant: what makes this model differ from the family's others.
        sample_rate: sample rate in Hz of the waveform that `frontend` takes.
        channels: number of channels of that waveform.
        outputs: D, the length of one vector, by the name of an output. The first is the main one:
            "embedding", unless a model has several.
        minimum_samples: length in samples of the shortest waveform that gives an embedding.
        checkpoints: the official files; the first one names the weights.
        tolerance: largest difference from the original's embeddings, as a share of their root mean square.
        verification: facts that its verification needs.
        quirks: behaviour of the original package that is reproduced on request.
        batch_size: how many windows go through the network at once, of a `WindowedModel`.
        cuda_batch_size: how many windows, or equal blocks of different files, a CUDA device embeds at once.
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

    name: str
    family: str
    variant: Mapping[str, Any]
    sample_rate: int
    channels: int
    outputs: Mapping[str, int]
    minimum_samples: int
    checkpoints: tuple[Checkpoint, ...]
    tolerance: float
    verification: VerificationFacts
    quirks: OriginalQuirks = OriginalQuirks()
    batch_size: int = 32
    cuda_batch_size: int = 1
    cropped: bool = False
    aliases: tuple[str, ...] = ()
    shares_with: str = ""

    @property
    def main_output(self) -> str:
        """Name of the default output."""
        return next(iter(self.outputs))

    @property
    def dimension(self) -> int:
        """D of the main output."""
        return self.outputs[self.main_output]

    @abstractmethod
    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """Make the network from the tensors of the checkpoint files.

        Args:
            state: the tensors, by their names in the files, without `Checkpoint.prefix`.

        Returns:
            The network, in eval mode.

        Raises:
            WeightsError: tensors are missing, left over, or of another shape.
        """

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
    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Cut a file's features into the inputs of the network's successive calls.

        Each is small enough for a bounded memory, unless `memory_bytes` says otherwise.

        Args:
            features: features of one file, as `frontend` returns them.

        Yields:
            The arrays of one call of the network, in the order of its arguments.
        """

    def initial_state(self) -> NDArray[np.float32] | None:
        """Return the initial state of a network that carries a state from block to block.

        Such a network is called as `*outputs, state = network(*block, state)`, others as
        `outputs = network(*block)`, where a single output may come as it is, without a tuple around it.

        Returns:
            float32 `[1, S]`; None if the network carries no state.
        """
        return None

    @abstractmethod
    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Return deterministic arguments of the network (including the state), in a plausible range.

        Name their types: a program may have set another default type than float32.

        Args:
            batch: N, the size of the first axis.
            samples: the length in audio samples that they stand for. Models whose window is fixed ignore it.

        Returns:
            One tensor for each argument.
        """

    @abstractmethod
    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Return the dynamic dimensions of the network's arguments.

        Returns:
            For each argument the `torch.export.Dim` of its dynamic axes, by axis.
        """

    def exporting(self) -> AbstractContextManager[object]:
        """Return a context in which `torch.export` traces the network.

        Returns:
            A context manager; by default, one that does nothing.
        """
        return nullcontext()

    def pool(self, blocks: Sequence[Arrays]) -> Vectors:
        """Turn the network's output for one file into vectors; by default, each row is one.

        Args:
            blocks: for each call of the network, its arrays in the order of `outputs`.

        Returns:
            For each of `outputs`, float32 `[N, D]`, where N is `vector_count`.
        """
        parts = zip(*blocks, strict=True)
        return {name: np.concatenate(each) for name, each in zip(self.outputs, parts, strict=True)}

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

    @property
    def weights_bytes(self) -> int:
        """What the tensors of its checkpoints take, those alone that it uses."""
        return sum(checkpoint.tensor_bytes or checkpoint.layout_bytes for checkpoint in self.checkpoints)

    def memory_bytes(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Return the peak memory of embedding a file.

        Args:
            samples: length of the waveform in samples.
            options: how the model is used.

        Returns:
            Bytes, without the model; 0 if independent of the length.
        """
        return 0

    def samples_of(self, shape: Sequence[int]) -> int:
        """Return the number of samples that an array was made of; override it for features of other shapes.

        Args:
            shape: shape of the first array of a file's features or of a block; by default `[…, samples]`.

        Returns:
            The length of the waveform in samples.
        """
        return shape[-1]


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
