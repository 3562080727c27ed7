"""Run exported models on waveforms. `fad_core.runner.pt2` reads and writes their files.

Importing this module does not import PyTorch: it is imported when a model's network is loaded, which a model
whose embeddings are all in the cache never is.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import AudioError
from fad_core.models import get_model
from fad_core.models.base import Arrays, EmbeddingModel, Vectors
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.backend import Backend, Origin, chosen_batch_size, resolve_backend, settings_text
from fad_core.runner.identity import Identity, read_identity

if TYPE_CHECKING:
    import torch

    from fad_core.runner.loaded_network import LoadedNetwork

__all__ = ["ExportedModel"]

LARGEST_FEATURE = 1e15
"""A network may sum the squares of its features; the largest float32 is 3.4e38."""


class ExportedModel:
    """A `.pt2`, which computes embeddings of waveforms.

    Attributes:
        identity: identity of the model.
        use: description of the model, and the options that it is used with.
        backend: how and where the network runs.
        batch_size: number of windows, or on a CUDA device of files, that are embedded at once.

    >>> from fad_core.api.model_cache import verified_model
    >>> exported = verified_model("tiny", "seeded")
    >>> features = exported.features(np.zeros((1, 1600), np.float32))
    >>> [vectors["embedding"].shape for vectors in exported.embed_many([features, features])]
    [(25, 8), (25, 8)]
    """

    def __init__(
        self,
        path: Path | str,
        options: Options | None = None,
        backend: Backend | None = None,
        batch_size: int | None = None,
        *,
        origin: Origin = "given",
        identity: Identity | None = None,
        note: str = "",
    ) -> None:
        """Load the file; the network of one of `origin` "own" is loaded when it is needed.

        Args:
            path: path of the exported model (`.pt2`).
            options: how the model is used; None: the defaults.
            backend: how and where the network runs; None: with the kernels for this CPU.
            batch_size: number of windows embedded at once, if the model embeds windows, and on a CUDA device
                number of files; None: the model's own. Another size may change the last bits.
            origin: origin of the file. "given": a file from any source, whose network is first run on shapes
                only. "trusted": if it cannot be read otherwise, `torch.export.load` reads it, which may run
                code in it. "own": a file that this program exported, read as a trusted one but not checked.
            identity: identity of the model, for a file that does not contain it.
            note: note for readers of its results.

        Raises:
            ModelError: the file is missing, damaged, is not an exported program, names no model of this
                version, or cannot be read unless it is trusted; or there is no such device; or the options
                do not apply to the model.
            ArgumentError: `batch_size` is not a whole number of at least 1.
        """
        self.identity = identity or read_identity(path)
        self.use = ModelUse(get_model(self.identity.model), options or DEFAULT_OPTIONS)
        self.backend = resolve_backend(backend or Backend(), self.use.options)
        self.batch_size = chosen_batch_size(self.model, self.backend, batch_size)
        self._note = note
        self._lazy = _LazyNetwork(Path(path), self.use, self.backend, self.batch_size, origin)
        if origin != "own":
            self._load()

    def _load(self) -> LoadedNetwork:
        return self._lazy.load()

    @property
    def fast(self) -> bool:
        """Whether the network runs with the kernels for this processor (`fad_core.runner.fast`)."""
        return self._load().fast

    @property
    def fell_back(self) -> bool:
        """Whether the network was loaded and runs as it was exported, although the kernels were chosen."""
        return self._lazy.note != ""

    @property
    def note(self) -> str:
        """Note for readers of its results, complete once vectors were computed; empty if there is none."""
        return "; ".join(filter(None, (self._note, self._lazy.note)))

    @property
    def model(self) -> EmbeddingModel:
        """The description of the model, with its frontend."""
        return self.use.model

    @property
    def device(self) -> str:
        """The device on which the network runs."""
        return self.backend.device

    @property
    def key(self) -> ModelKey:
        """The key that other vectors must share to be compared with this model's."""
        identity = self.identity
        settings = settings_text(self.use.text, self.backend)
        return ModelKey(identity.model, identity.weights, identity.weights_sha256, settings)

    def with_options(self, options: Options) -> ExportedModel:
        """Return this model with the same network and other options.

        Args:
            options: how the model is used.

        Returns:
            A copy that shares the network.

        Raises:
            ModelError: the options do not apply to the model.
        """
        made = copy.copy(self)
        made.use = ModelUse(self.model, options)
        return made

    def network(self, *given: torch.Tensor) -> Arrays:
        """Run the network once.

        Args:
            *given: its arguments, as `EmbeddingModel.example_input` gives them, including the state.

        Returns:
            Its outputs, and its state if it has one.
        """
        return self._load().run(*given)

    def embed(self, waveform: NDArray[np.float32], key: str = "") -> Vectors:
        """Embed one waveform.

        Args:
            waveform: float32 `[channels, samples]` with the model's channels and sample rate.
            key: identifies the file (its sha256), for random draws.

        Returns:
            The vectors by output, float32 `[N, D]`.

        Raises:
            ValueError: the waveform is shorter than the model's minimum.
            AudioError: its values are too large for float32.

        >>> from fad_core.api.model_cache import verified_model
        >>> exported = verified_model("tiny", "seeded")
        >>> waveform = np.sin(np.arange(1600, dtype=np.float32))[np.newaxis]
        >>> exported.embed(waveform)["embedding"].shape
        (25, 8)
        """
        return self.embed_features(self.features(waveform, key))

    def features(self, waveform: NDArray[np.float32], key: str = "", file: str = "waveform") -> Arrays:
        """Compute the features of a waveform with `EmbeddingModel.frontend`, and check them.

        A network can turn NaN or infinity into a finite value (a ReLU of -inf is 0), so this method refuses
        them before the network runs.

        Args:
            waveform: float32 `[channels, samples]` with the model's channels and sample rate.
            key: identifies the file (its sha256), for random draws.
            file: name of the file in errors.

        Returns:
            One array or several `[N, …]`.

        Raises:
            ValueError: the waveform is shorter than the model's minimum.
            AudioError: the waveform or a feature is NaN or infinite, or a feature exceeds `LARGEST_FEATURE`.
        """
        from fad_core.runner.device import full_float32

        with full_float32():
            features = self.use.frontend(waveform, key)
        peak = _largest([waveform])
        # Comparisons with NaN are false.
        if not (peak < np.inf and _largest(features) <= LARGEST_FEATURE):
            raise AudioError(
                file,
                f"has values up to {peak:.3g}, with which the spectrum or the network overflows float32: "
                "scale the sound to ±1",
            )
        return features

    def embed_features(self, features: Arrays) -> Vectors:
        """Embed one file's features.

        Args:
            features: one array or several `[N, …]`, as `features` returns them.

        Returns:
            The vectors by output, float32 `[N, D]`.
        """
        (vectors,) = self.embed_many([features])
        return vectors

    @property
    def lanes(self) -> int:
        """Number of threads in which `embed_many` should run the network.

        On a CPU it is the number of numeric threads: several networks of one thread each are faster than one
        network with several threads. On a CUDA device it is `fad_core.runner.device.CUDA_LANES`.
        """
        from fad_core.runner.device import CUDA_LANES

        return CUDA_LANES if self.device != "cpu" else self.workers

    @property
    def workers(self) -> int:
        """Number of threads that should load files ahead (`load_workers`)."""
        from fad_core.runner.device import load_workers

        return load_workers(self.device)

    def embed_many(
        self, files: Iterable[Arrays], lanes: int = 0, vectors: Sequence[int] = ()
    ) -> Generator[Vectors]:
        """Embed the features of files, one after the other or several at a time.

        Windows of different files are embedded in one batch; other features are embedded in blocks of one
        file. The embeddings of a file are bit-identical whichever files are embedded with it.

        Args:
            files: features of each file, as `EmbeddingModel.frontend` returns them.
            lanes: number of threads in which the network runs, each with one numeric thread or a CUDA stream;
                0: in the calling thread, with PyTorch's number of numeric threads.
            vectors: number of embeddings of each file, if known; the work is then divided so that all threads
                end at about the same time.

        Yields:
            The vectors of each file by output, float32 `[N, D]`, in order. An error from one file, in `files`
            or in the network, may be raised before the vectors of some files before it are yielded.
        """
        with closing(self._load().embed_many(self.use, files, lanes, vectors)) as embedded:
            yield from map(self.use.finish, embedded)


@dataclass
class _LazyNetwork:
    """The network of a model and of its copies with other options."""

    path: Path
    use: ModelUse
    backend: Backend
    batch_size: int
    origin: Origin
    loaded: LoadedNetwork | None = None

    def load(self) -> LoadedNetwork:
        """Return the network; the first call loads it."""
        from fad_core.runner.loaded_network import LoadedNetwork

        if self.loaded is None:
            self.loaded = LoadedNetwork(self.path, self.use, self.backend, self.batch_size, self.origin)
        return self.loaded

    @property
    def note(self) -> str:
        """The network's note; empty until it is loaded."""
        return self.loaded.note if self.loaded else ""


def _largest(arrays: Sequence[NDArray[Any]]) -> float:
    """Return the largest absolute value of float arrays, 0 if there are none; NaN if there is a NaN."""
    floats = [array for array in arrays if array.dtype.kind == "f"]
    extremes = [extreme for array in floats for extreme in (array.min(initial=0.0), array.max(initial=0.0))]
    return float(np.abs(extremes).max(initial=0.0))
