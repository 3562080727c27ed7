"""A network that is exported and verified: what models of audio and of text have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fad_core.models.checkpoint import Checkpoint
from fad_core.models.facts import Arrays, Vectors, VerificationFacts
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class NetworkModel(ABC):
    """A network with its weights, and what is needed to export, verify and run it.

    Attributes:
        length_unit: what the length of an example input is counted in.
        name: the id of the model, e.g. "vggish-pca".
        family: the package's name, e.g. "vggish".
        variant: what makes this model differ from the family's others.
        outputs: D, the length of one vector, by the name of an output. The first is the main one:
            "embedding", unless a model has several, or is of text.
        checkpoints: the official files; the first one names the weights.
        tolerance: largest difference from the original's embeddings, as a share of their root mean square.
        verification: facts that its verification needs.
        batch_size: how many windows go through the network at once, of a `WindowedModel`.
        cuda_batch_size: how many windows, or equal blocks of different files, a CUDA device embeds at once.

    >>> from fad_core.models import find_network
    >>> find_network("clap-630k-text").outputs
    {'text': 512}
    """

    length_unit: ClassVar[str] = "samples"

    name: str
    family: str
    variant: Mapping[str, Any]
    outputs: Mapping[str, int]
    checkpoints: tuple[Checkpoint, ...]
    tolerance: float
    verification: VerificationFacts
    batch_size: int = 32
    cuda_batch_size: int = 1

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
            samples: the length that they stand for, in samples or tokens (`length_unit`). Models whose
                window is fixed ignore it.

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
