"""Run the network of a `.pt2`, of audio or of text.

Importing this module does not import PyTorch: it is imported when a network is loaded.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fad_core.models.base import Arrays, NetworkModel, Vectors
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.runner.backend import Backend, Origin, chosen_batch_size, resolve_backend
from fad_core.runner.identity import Identity, read_identity

if TYPE_CHECKING:
    import torch

    from fad_core.runner.loaded_network import LoadedNetwork

__all__ = ["ExportedNetwork"]


class ExportedNetwork:
    """A `.pt2`, which runs on the arrays that its network takes.

    Attributes:
        identity: identity of the model.
        backend: how and where the network runs.
        batch_size: number of windows, or on a CUDA device of files, that are embedded at once.
    """

    def __init__(
        self,
        path: Path,
        model: NetworkModel,
        options: Options = DEFAULT_OPTIONS,
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
            model: the description of the model.
            options: how the model is used.
            backend: how and where the network runs; None: with the kernels for this CPU.
            batch_size: number of windows embedded at once; None: the model's own.
            origin: origin of the file; see `fad_core.runner.exported.ExportedModel`.
            identity: identity of the model, for a file that does not contain it.
            note: note for readers of its results.

        Raises:
            ModelError: the file cannot be used as this model, or there is no such device.
            ArgumentError: `batch_size` is not a whole number of at least 1.
        """
        self.identity = identity or read_identity(path)
        self.backend = resolve_backend(backend or Backend(), options)
        self.batch_size = chosen_batch_size(model, self.backend, batch_size)
        self._model, self._options, self._note = model, options, note
        self._lazy = _LazyNetwork(path, model, options, self.backend, self.batch_size, origin)
        if origin != "own":
            self._load()

    @property
    def model(self) -> NetworkModel:
        """The description of the model."""
        return self._model

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
    def device(self) -> str:
        """The device on which the network runs."""
        return self.backend.device

    def network(self, *given: torch.Tensor) -> Arrays:
        """Run the network once.

        Args:
            *given: its arguments, as `NetworkModel.example_input` gives them, including the state.

        Returns:
            Its outputs, and its state if it has one.
        """
        return self._load().run(*given)

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
            files: features of each file: what `NetworkModel.blocks` takes.
            lanes: number of threads in which the network runs, each with one numeric thread or a CUDA stream;
                0: in the calling thread, with PyTorch's number of numeric threads.
            vectors: number of embeddings of each file, if known; the work is then divided so that all threads
                end at about the same time.

        Yields:
            The vectors of each file by output, float32 `[N, D]`, in order. An error from one file, in `files`
            or in the network, may be raised before the vectors of some files before it are yielded.
        """
        with closing(self._load().embed_many(self._options, files, lanes, vectors)) as embedded:
            yield from embedded


@dataclass
class _LazyNetwork:
    """The network of a model and of its copies with other options."""

    path: Path
    model: NetworkModel
    options: Options
    backend: Backend
    batch_size: int
    origin: Origin
    loaded: LoadedNetwork | None = None

    def load(self) -> LoadedNetwork:
        """Return the network; the first call loads it."""
        from fad_core.runner.loaded_network import LoadedNetwork

        if self.loaded is None:
            self.loaded = LoadedNetwork(
                self.path, self.model, self.options, self.backend, self.batch_size, self.origin
            )
        return self.loaded

    @property
    def note(self) -> str:
        """The network's note; empty until it is loaded."""
        return self.loaded.note if self.loaded else ""
