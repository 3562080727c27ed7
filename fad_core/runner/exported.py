"""Run exported models on waveforms. `fad_core.runner.pt2` reads and writes their files.

Importing this module does not import PyTorch: it is imported when a model's network is loaded, which a model
whose embeddings are all in the cache never is.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import AudioError
from fad_core.models import get_model
from fad_core.models.base import Arrays, EmbeddingModel, Vectors
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.backend import Backend, Origin, settings_text
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.runner.identity import Identity, read_identity

__all__ = ["ExportedModel"]

LARGEST_FEATURE = 1e15
"""A network may sum the squares of its features; the largest float32 is 3.4e38."""


class ExportedModel(ExportedNetwork):
    """A `.pt2`, which computes embeddings of waveforms; see also `ExportedNetwork`.

    Attributes:
        use: description of the model, and the options that it is used with.

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
        identity = identity or read_identity(path)
        self.use = ModelUse(get_model(identity.model), options or DEFAULT_OPTIONS)
        super().__init__(
            Path(path),
            self.use.model,
            self.use.options,
            backend,
            batch_size,
            origin=origin,
            identity=identity,
            note=note,
        )

    @property
    def model(self) -> EmbeddingModel:
        """The description of the model, with its frontend."""
        return self.use.model

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
        made.use, made._options = ModelUse(self.model, options), options
        return made

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

    def embed_many(
        self, files: Iterable[Arrays], lanes: int = 0, vectors: Sequence[int] = ()
    ) -> Generator[Vectors]:
        """Embed the features of files; see `ExportedNetwork.embed_many`.

        Args:
            files: features of each file, as `EmbeddingModel.frontend` returns them.
            lanes: number of threads in which the network runs; 0: in the calling thread.
            vectors: number of embeddings of each file, if known.

        Yields:
            The vectors of each file by output, float32 `[N, D]`, in order, as the options have them.
        """
        with closing(super().embed_many(files, lanes, vectors)) as embedded:
            yield from map(self.use.finish, embedded)


def _largest(arrays: Sequence[NDArray[Any]]) -> float:
    """Return the largest absolute value of float arrays, 0 if there are none; NaN if there is a NaN."""
    floats = [array for array in arrays if array.dtype.kind == "f"]
    extremes = [extreme for array in floats for extreme in (array.min(initial=0.0), array.max(initial=0.0))]
    return float(np.abs(extremes).max(initial=0.0))
