"""The interface of an embedding model: its properties and a few functions.

A family (a folder beside this file) subclasses `EmbeddingModel`, and gives `MODELS`, a tuple of
its variants. It imports torch, and the modules that hold networks, in the functions that need them: a study
is read, and its jobs are planned, for the data alone, and torch takes a second to import. Everything else
in the project speaks to models through this protocol alone:

    waveform → frontend → features → blocks → network, block after block → pool → embeddings
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ModelError, WeightsError
from fad_core.models.checkpoint import Checkpoint as Checkpoint
from fad_core.models.checkpoint import Fill as Fill
from fad_core.models.options import DEFAULT_OPTIONS, Options

if TYPE_CHECKING:
    import torch


Arrays = tuple[NDArray[Any], ...]
"""What a network takes or gives: one array or several, of one file."""
Vectors = dict[str, NDArray[np.float32]]
"""Of one file, or of several, by the name of an output: float32 `[N, D]`."""
EMBEDDING = "embedding"
"""The output of models that have one."""


def _as_they_are(features: Arrays) -> Arrays:
    return features


def _no_edges(unrounded: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.full(unrounded.shape, np.inf)


@dataclass(frozen=True)
class VerificationFacts:
    """Properties of a model that its verification needs.

    Attributes:
        eager_cases: (batch, samples) of the `example_input`s on which an export is compared with the eager
            network: even and odd, on both sides of the sizes at which kernels change, the shortest, the long.
        export_case: the one that `torch.export` traces.
        golden: the file of embeddings that the original package gave, which lies beside the family's module
            (`fad_core.verification.golden`); None if there is none, and results then say so.
        frontend_tolerance: largest allowed difference of features from the original package's, on the scale
            of `linear`, as a share of the root mean square. Log-mel spectra from float64, rounded to float32
            once, differ by a last bit, if at all.
        linear: puts features, or excerpts of them, on a scale on which rounding is as large everywhere.
        quantization_step: of a quantised embedding, by which a value may differ from the original's where it
            falls on the other side of a rounding edge; 0 if not quantised.
        rounding_distance: how far unrounded values lie from the nearest such edge, in their own unit.
        empty_bands_are_noise: the network makes a spectrogram in decibels in float32. The bands that a pure
            tone leaves empty hold the rounding errors of a convolution, which differ between the kernels of
            processors; with equal kernels they are equal.
        bandwidth: in Hz, of a frontend that makes decibels by a float32 transform; else 0. Bands that a clip
            leaves empty hold rounding errors there, too, which differ between libraries for processors.
    """

    eager_cases: tuple[tuple[int, int], ...]
    export_case: tuple[int, int]
    golden: Path | None = None
    frontend_tolerance: float = 1e-6
    linear: Callable[[Arrays], Arrays] = _as_they_are
    quantization_step: float = 0.0
    rounding_distance: Callable[[NDArray[np.float32]], NDArray[np.float64]] = _no_edges
    empty_bands_are_noise: bool = False
    bandwidth: float = 0.0


@dataclass(frozen=True)
class OriginalQuirks:
    """Behaviour of the original package for a model's embeddings that is reproduced only on request.

    Attributes:
        scalar_statistics: it treats each file's vector as D samples of one dimension (gudgud96#37).
        float64_waveforms: its frontend computes in float64 if a sound was read so (`Options.dtype`). Other
            models are given float32.
        transposed_files: its older releases write each file's embeddings as `[D, N]`
            (`fad_core.embedding.npy`).
        resamples_channels: it resamples files of several channels along the wrong axis
            (`fad_core.models.original_quirks.fault`).
    """

    scalar_statistics: bool = False
    float64_waveforms: bool = False
    transposed_files: bool = False
    resamples_channels: bool = False


@dataclass(frozen=True)
class EmbeddingModel(ABC):
    """An embedding model: a network, its frontend, and the times of its embeddings.

    Attributes:
        name: the id that configurations use, e.g. "vggish-pca".
        family: the package's name, e.g. "vggish".
        variant: what makes this model differ from the family's others.
        sample_rate: of the waveform that `frontend` takes, in Hz.
        channels: of that waveform.
        outputs: what the network gives, by name, and D, the length of one vector of each. The first is the
            main one: "embedding", unless a model has several.
        minimum_samples: the shortest waveform that gives an embedding, at `sample_rate`.
        checkpoints: the official files; the first one names the weights.
        tolerance: largest allowed difference of an embedding value from the original package's,
            as a share of the root mean square of the original's values.
        verification: what verifying it has to know.
        quirks: of the original package.
        batch_size: how many windows go through the network at once, of a `WindowedModel`.
        cuda_batch_size: on a CUDA device, how many windows, or equal blocks of different files. Always as
            many, for the last bits depend on it.
        cropped: whether the window is fixed, so that `Options.crop` means something.
        aliases: other names of the model, such as the original package's.
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
        """Make the network, in eval mode, from the checkpoint files' tensors (by their names there).

        Raises:
            WeightsError: tensors are missing, left over, or of another shape.
        """

    @abstractmethod
    def frontend(
        self, waveform: NDArray[np.float32], options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> Arrays:
        """Compute the features of a waveform, as the original package does for its network.

        Args:
            waveform: float32 `[channels, samples]` at `sample_rate`; it may be float64 if
                `OriginalQuirks.float64_waveforms` is set.
            options: the user's.
            key: tells the file from others (its sha256), for what is drawn at random.

        Returns:
            One array or several `[N, …]`.

        Raises:
            ValueError: the waveform has fewer than `minimum_samples` samples.
        """

    @abstractmethod
    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """Cut a file's features into the inputs of the network's successive calls.

        Each is small enough for a bounded memory, unless `memory_bytes` says otherwise.
        """

    def initial_state(self) -> NDArray[np.float32] | None:
        """Return the initial state `[1, S]` of a network that carries a state from block to block.

        Such a network is called as `*outputs, state = network(*block, state)`, others (None) as
        `outputs = network(*block)`, where a single output may come as it is, without a tuple around it.
        """
        return None

    @abstractmethod
    def example_input(self, batch: int, samples: int) -> tuple[torch.Tensor, ...]:
        """Return deterministic arguments of the network (including the state), in a plausible range.

        Name their types: a program may have set another default type than float32.

        Args:
            batch: N, the size of the first axis.
            samples: the length in audio samples that they stand for. Models whose window is fixed ignore it.
        """

    @abstractmethod
    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """The dynamic dimensions of each argument, as `torch.export.export` takes them."""

    def exporting(self) -> AbstractContextManager[object]:
        """Return a context in which `torch.export` traces the network."""
        return nullcontext()

    @abstractmethod
    def pool(self, blocks: Sequence[Arrays]) -> Vectors:
        """Turn the network's output for one file into vectors.

        Args:
            blocks: of each of its calls the arrays, in the order of `outputs`.

        Returns:
            By output, for all of `outputs`, float32 `[N, D]`; N is `vector_count` for each of them.
        """

    @abstractmethod
    def vector_count(self, samples: int, options: Options = DEFAULT_OPTIONS) -> int:
        """Return N, the number of vectors of each output for a waveform.

        Args:
            samples: of the waveform, at least `minimum_samples`.
            options: the user's.
        """

    @abstractmethod
    def start_seconds(
        self, samples: int, options: Options = DEFAULT_OPTIONS, key: str = ""
    ) -> NDArray[np.float64]:
        """Return the start of each window in seconds, `[vector_count(samples)]`, the same for all outputs."""

    def require_options(self, options: Options) -> None:
        """Check that options apply to this model.

        Raises:
            ModelError: the model has no crop, or not this one, or its windows would not advance.
        """
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
        """Return the peak memory of embedding a file, without the model; 0 if independent of its length."""
        return 0

    def samples_of(self, shape: Sequence[int]) -> int:
        """Return of how many samples an array was made, for `memory_bytes`.

        Args:
            shape: of the first array of a file's features or of a block. By default that is a waveform, with
                the samples along its last axis. Override this for other features, if memory depends on them.
        """
        return shape[-1]


class WindowedModel(EmbeddingModel):
    """A model whose features are windows `[N, …]` of one size, each of which is embedded by itself."""

    def blocks(self, features: Arrays) -> Iterator[Arrays]:
        """All windows. What embeds them puts them into batches (`fad_core.runner.window_batches`)."""
        yield features

    def pool(self, blocks: Sequence[Arrays]) -> Vectors:
        """Every window is one vector of each output."""
        parts = zip(*blocks, strict=True)
        return {name: np.concatenate(each) for name, each in zip(self.outputs, parts, strict=True)}


def tensor_shapes(network: Callable[[], torch.nn.Module]) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a network's tensors, without allocating them."""
    import torch

    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in network().state_dict().items()}


def load_tensors(module: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str) -> torch.nn.Module:
    """Put the checkpoint's tensors into a model's network and set it to eval mode.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen; the message lists them.
    """
    import torch

    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    if expected != given:
        differing = sorted(set(expected.items()) ^ set(given.items()))
        listed = ", ".join(f"{key} {list(shape)}" for key, shape in differing[:8])
        raise WeightsError(f"the checkpoint does not fit {name}; tensors that differ: {listed}")
    if torch.get_default_dtype() != torch.float32:
        module.float()  # a program that computes in float64 has its layers made so
    module.load_state_dict(dict(state))
    return module.eval().requires_grad_(False)
