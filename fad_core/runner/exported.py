"""Exported models in use: waveforms in, embeddings out. `fad_core.runner.pt2` has their files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.errors import AudioError
from fad_core.models import get_model
from fad_core.models.base import Arrays, EmbeddingModel, Vectors, WindowedModel
from fad_core.models.options import DEFAULT_OPTIONS, Options, require_batch_size
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.backend import Backend, settings_text
from fad_core.runner.backends import Origin, SideBySide, make_network
from fad_core.runner.blocks import run_side_by_side, split_result
from fad_core.runner.device import (
    CUDA_LANES,
    computing,
    enter_lane,
    load_workers,
    resolve_backend,
    upload,
    whole_float32,
)
from fad_core.runner.file_batches import Group, in_order
from fad_core.runner.pt2 import Identity, read_identity
from fad_core.runner.window_batches import Batches, even_size
from fad_core.util.prefetch import Item, Result, prefetch

LARGEST_FEATURE = 1e15
"""A network may square its features and add the squares up; float32 ends at 3.4e38."""


class ExportedModel:
    """A loaded `.pt2`: waveforms in, embeddings out.

    Attributes:
        identity: what it is.
        use: its description, and how it is used.
        backend: how and where the network runs.
        batch_size: windows at once, and on a CUDA device files side by side.
        note: what a reader of its results should know of it; empty if nothing.
        fast: whether the network runs by the kernels for this processor (`fad_core.runner.fast`).
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
        """Load the file.

        Args:
            path: the `.pt2`.
            options: how the model is used; None: the defaults.
            backend: how and where its network is to run; None: with the kernels for this CPU.
            batch_size: windows at once, where the model embeds windows, and on a CUDA device files side by
                side; None: the model's own. Another size may move the last bits.
            origin: of the file. The network of one that is "given", by anybody, runs once on shapes alone
                before it runs. What cannot be read otherwise is read by `torch.export.load` of one that is
                "trusted", which may run code that the file contains. One that this program exported is
                its "own", and loads a second sooner.
            identity: what the file is, where it does not say so itself.
            note: what a reader of its results should know of it.

        Raises:
            ModelError: the file is missing, damaged, is no exported program, holds no identity, is of
                a model that this version does not know, or cannot be read unless it is trusted; or there is
                no such device, or the options mean nothing for the model.
            ArgumentError: `batch_size` is no whole number of at least 1.
        """
        self.identity = identity or read_identity(path)
        self.use = ModelUse(get_model(self.identity.model), options or DEFAULT_OPTIONS)
        self.backend = resolve_backend(backend or Backend(), self.use.options)
        self.batch_size = chosen_batch_size(self.model, self.backend, batch_size)
        self._network, found = make_network(Path(path), self.use, self.backend, self.batch_size, origin)
        self.fast = self.backend.on_cpu and isinstance(self._network, SideBySide)
        self.note = "; ".join(filter(None, (note, found)))

    @property
    def model(self) -> EmbeddingModel:
        """Description of the model, with the frontend."""
        return self.use.model

    @property
    def device(self) -> str:
        """Where the network runs."""
        return self.backend.device

    @property
    def key(self) -> ModelKey:
        """What other vectors must have in common with this model's to be compared with them."""
        identity = self.identity
        settings = settings_text(self.use.text, self.backend)
        return ModelKey(identity.model, identity.weights, identity.weights_sha256, settings)

    def with_options(self, options: Options) -> ExportedModel:
        """The same network, used in another way."""
        made = copy.copy(self)
        made.use = ModelUse(self.model, options)
        return made

    def network(self, *given: torch.Tensor) -> Arrays:
        """Run the network once on its arguments, the state included; returns its outputs."""
        return self._run(*(argument.to(self.device) for argument in given))

    def _run(self, *given: torch.Tensor) -> Arrays:
        with torch.inference_mode(), computing(self.device):
            outputs, _ = split_result(self._network(*given), self.model)
            return tuple(output.cpu().numpy() for output in outputs)

    def embed(self, waveform: NDArray[np.float32], key: str = "") -> Vectors:
        """Embed one waveform.

        Args:
            waveform: float32 `[channels, samples]` with the model's channels and sample rate.
            key: tells the file from others (its sha256), for what is drawn at random.

        Returns:
            By output, float32 `[N, D]`.

        Raises:
            ValueError: the waveform is shorter than the model's minimum.
            AudioError: its values are too large for float32.
        """
        return self.embed_features(self.features(waveform, key))

    def features(self, waveform: NDArray[np.float32], key: str = "", file: str = "waveform") -> Arrays:
        """Return `EmbeddingModel.frontend` of a waveform, checked.

        A network can turn NaN or infinity into a finite value (a ReLU of -inf is 0), so they are refused
        before it.

        Args:
            waveform: as `embed` takes it.
            key: as `embed` takes it.
            file: what an error names.

        Raises:
            ValueError: the waveform is shorter than the model's minimum.
            AudioError: the waveform or a feature is NaN or infinite, or a feature exceeds `LARGEST_FEATURE`.
        """
        with whole_float32():
            features = self.use.frontend(waveform, key)
        peak = _largest([waveform])
        # A comparison with NaN is false.
        if not (peak < np.inf and _largest(features) <= LARGEST_FEATURE):
            raise AudioError(
                file,
                f"has values up to {peak:.3g}, with which the spectrum or the network overflows float32: "
                "scale the sound to ±1",
            )
        return features

    def embed_features(self, features: Arrays) -> Vectors:
        """Embed one file's features, as `EmbeddingModel.frontend` gives them."""
        (vectors,) = self.embed_many([features])
        return vectors

    @property
    def lanes(self) -> int:
        """For `embed_many`: on a CPU a thread for each numeric thread, on a CUDA device some.

        Networks of one thread beside each other do more than one network of as many threads.
        """
        return CUDA_LANES if self.device != "cpu" else self.workers

    @property
    def workers(self) -> int:
        """Threads that are to load files ahead (`load_workers`)."""
        return load_workers(self.device)

    def embed_many(
        self, files: Iterable[Arrays], lanes: int = 0, vectors: Sequence[int] = ()
    ) -> Generator[Vectors]:
        """Embed the features of files, one after the other or several at a time.

        Windows go through the network in batches, whosever they are, and other features in blocks of
        their own file. A file's embeddings do not depend, to the last bit, on which others are embedded
        beside it.

        Args:
            files: of each file, what `EmbeddingModel.frontend` gives.
            lanes: threads in which the network runs, each with one numeric thread, or a stream; 0: none, and
                PyTorch's number of numeric threads.
            vectors: how many embeddings each file will give, if that is known: then all lanes end together.

        Yields:
            The vectors of each file by output, float32 `[N, D]`, in order. An error from one file, in `files`
            or in the network, may be raised before the vectors of some files before it are yielded.
        """
        if isinstance(self.model, WindowedModel):
            size = self.batch_size
            windows: int = sum(vectors)
            if self.fast and windows:
                size = even_size(windows, max(lanes, 1), size)
            batches = Batches(size, whole=not self.fast)
            sized = ((batch, _bytes(batch)) for batch in batches.batches(files))
            outputs = self._in_lanes(self._embed_block, sized, lanes)
            for rows in batches.files(outputs):
                yield self.model.pool([rows])
        else:
            groups: Iterable[Group] = ([each] for each in enumerate(files))
            if isinstance(self._network, SideBySide):
                groups = self._network.grouped(files, max(lanes, 1), len(vectors))
            sized_groups = ((group, self._memory([features for _, features in group])) for group in groups)
            yield from in_order(self._in_lanes(self._embed_group, sized_groups, lanes))

    def _embed_block(self, block: Arrays) -> Arrays:
        return self._run(*(upload(array, self.device) for array in block))

    def _embed_group(self, group: Group) -> list[tuple[int, Vectors]]:
        places, files = zip(*group, strict=True)
        with computing(self.device):
            outputs = run_side_by_side(self._network, self.model, files, self.device)
        return [(place, self.model.pool(of_file)) for place, of_file in zip(places, outputs, strict=True)]

    def _memory(self, files: Sequence[Arrays]) -> int:
        """What embedding files side by side takes."""
        samples = max(features[0].shape[-1] for features in files)
        at_once = self._network.at_once(samples) if isinstance(self._network, SideBySide) else 1
        return max(at_once * self.use.memory_bytes(samples), sum(map(_bytes, files)))

    def _in_lanes(
        self, embed: Callable[[Item], Result], sized: Iterable[tuple[Item, int]], lanes: int
    ) -> Iterator[Result]:
        """Call `embed` for arrays of so many bytes, in threads, within `Options.memory_gb`."""
        memory = int(self.use.options.memory_gb * 1e9)
        # New threads take the number that any thread has set last.
        threads = torch.get_num_threads()
        start = partial(enter_lane, self.device)
        try:
            yield from prefetch(embed, sized, lanes, budget=memory, per_worker=4, start=start)
        finally:
            if lanes > 0 and self.device == "cpu":
                torch.set_num_threads(threads)


def chosen_batch_size(model: EmbeddingModel, backend: Backend, batch_size: int | None) -> int:
    """Windows, or on a CUDA device files, that go through a network at once.

    Args:
        model: the model.
        backend: where it runs.
        batch_size: the user's choice; None: the model's own. Networks whose blocks go one by one on a device
            do so whatever is chosen.

    Raises:
        ArgumentError: `batch_size` is no whole number of at least 1.
    """
    require_batch_size(batch_size)
    own = model.batch_size if backend.on_cpu else model.cuda_batch_size
    return own if batch_size is None or (own == 1 and not backend.on_cpu) else batch_size


def _largest(arrays: Sequence[NDArray[Any]]) -> float:
    """Return the largest absolute value of float arrays; NaN if there is a NaN."""
    floats = [array for array in arrays if array.dtype.kind == "f"]
    extremes = [extreme for array in floats for extreme in (array.min(initial=0.0), array.max(initial=0.0))]
    return float(np.abs(extremes).max())


def _bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)
