"""What an embedding model is: data, and four functions.

A family (one module beside this one) subclasses `EmbeddingModel`, and gives `MODELS`, a tuple of
its variants. Everything else in the project speaks to models through this protocol alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import WeightsError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Fill:
    """How one tensor of a *seeded* checkpoint is filled: uniform in `mean ± √3 · std`.

    Attributes:
        shape: the tensor's shape in the official checkpoint.
        std: standard deviation; `gain / √fan_in` keeps the variance of what flows through.
        mean: mean of the values.
        dtype: NumPy name of the type in the official file.
        as_array: the official file holds a NumPy array here instead of a tensor.
    """

    shape: tuple[int, ...]
    std: float
    mean: float = 0.0
    dtype: str = "float32"
    as_array: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """One official file of weights.

    Attributes:
        filename: its name in the cache, where the original package looks for it.
        url: where it is downloaded from.
        sha256: of the official file: all 64 hex digits, or as many leading ones as are published.
        size: in bytes, if known.
        licence: SPDX identifier, or what is known of it.
        folder: below `ckpt_dir`, where the original package keeps it ("" for `ckpt_dir` itself).
        layout: names, shapes and types of the tensors in the file, with their seeded fill.
        seeded_sha256: of the seeded fill (see `fad_core.weights.state_sha256`), pinned.
    """

    filename: str
    url: str
    sha256: str
    size: int | None
    licence: str
    folder: str
    layout: Callable[[], Mapping[str, Fill]]
    seeded_sha256: str


@dataclass(frozen=True)
class EmbeddingModel(ABC):
    """One embedding model: a network with its frontend and its place in time.

    Attributes:
        name: the id that configurations use, e.g. "vggish-pca".
        family: the module's name, e.g. "vggish".
        options: what makes this variant differ from the family's others.
        sample_rate: of the waveform that `frontend` takes, in Hz.
        channels: of that waveform.
        embedding_dim: D, the length of one embedding vector.
        minimum_samples: the shortest waveform that gives an embedding, at `sample_rate`.
        checkpoints: the official files; the first one names the weights.
        tolerance: largest allowed difference of an embedding value from the original package's,
            as a share of the root mean square of the original's values.
        quantum: the step of a quantised embedding, by which a value may differ from the
            original's where it falls on the other side of a rounding edge; 0 if not quantised.
        batch_size: how many feature blocks go through the network at once.
    """

    name: str
    family: str
    options: Mapping[str, Any]
    sample_rate: int
    channels: int
    embedding_dim: int
    minimum_samples: int
    checkpoints: tuple[Checkpoint, ...]
    tolerance: float
    quantum: float = 0.0
    batch_size: int = 32

    @abstractmethod
    def build(self, state: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """Make the network, in eval mode, from the checkpoint files' tensors (by their names there).

        Raises:
            WeightsError: tensors are missing, left over, or of another shape.
        """

    @abstractmethod
    def frontend(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn a waveform `[channels, samples]` at `sample_rate` into features `[N, …]`.

        Raises:
            ValueError: the waveform has fewer than `minimum_samples` samples.
        """

    @abstractmethod
    def example_input(self, batch: int) -> torch.Tensor:
        """Random-free features `[batch, …]` of the right shape and a plausible range."""

    @abstractmethod
    def dynamic_shapes(self) -> dict[int, Any]:
        """The input's dynamic dimensions, as `torch.export.export` takes them."""

    @abstractmethod
    def pool(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn the network's output for one file into embeddings `[N, D]`."""

    @abstractmethod
    def vector_count(self, samples: int) -> int:
        """How many embeddings a waveform of so many samples gives, at least `minimum_samples`."""

    @abstractmethod
    def start_seconds(self, count: int) -> NDArray[np.float64]:
        """Where each of a file's `count` embedding windows starts, in seconds `[count]`."""

    def rounding_distance(self, unrounded: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far values lie from the nearest edge at which the quantisation jumps, in their own unit.

        Only models with a `quantum` have such edges.
        """
        return np.full(unrounded.shape, np.inf)


def load_tensors(module: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str) -> torch.nn.Module:
    """Put the checkpoint's tensors into a model's network and set it to eval mode.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen; the message lists them.
    """
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    if expected != given:
        differing = sorted(set(expected.items()) ^ set(given.items()))
        listed = ", ".join(f"{key} {list(shape)}" for key, shape in differing[:8])
        raise WeightsError(f"the checkpoint does not fit {name}; tensors that differ: {listed}")
    module.load_state_dict(dict(state))
    return module.eval().requires_grad_(False)
