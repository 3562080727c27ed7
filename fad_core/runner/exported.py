"""Exported models in use: waveforms in, embeddings out. `fad_core.runner.pt2` has their files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core.errors import AudioError
from fad_core.models import get_model
from fad_core.models.base import Arrays, EmbeddingModel, WindowedModel
from fad_core.models.settings import Settings, require_batch_size
from fad_core.runner.backends import Origin, SideBySide, make_network
from fad_core.runner.blocks import call_network, run_side_by_side
from fad_core.runner.device import (
    CUDA_LANES,
    computing,
    enter_lane,
    load_workers,
    resolve_device,
    upload,
)
from fad_core.runner.file_batches import Group, in_order
from fad_core.runner.pt2 import Identity, read_identity
from fad_core.runner.window_batches import Batches, even_size
from fad_core.util.memory import share_memory
from fad_core.util.prefetch import Item, Result, prefetch

LARGEST_FEATURE = 1e15
"""A network may square its features and add the squares up; float32 ends at 3.4e38."""


class ExportedModel:
    """A loaded `.pt2`: waveforms in, embeddings out.

    Attributes:
        identity: what it is.
        model: its description, with the frontend.
        device: where the network runs.
        note: what a reader of its results should know of it; empty if nothing.
        fast: whether the network runs by the kernels for this processor (`fad_core.runner.fast`).
    """

    note: str

    def __init__(
        self,
        path: Path | str,
        device: str = "cpu",
        settings: Settings | None = None,
        batch_size: int | None = None,
        *,
        trust: bool = False,
    ) -> None:
        """Load the file, and run its network once on shapes alone: the file may come from anybody.

        Args:
            path: the `.pt2`.
            device: where the network is to run (`resolve_device`).
            settings: how the model is used; None: the defaults.
            batch_size: windows at once, where the model embeds windows, and on a CUDA device files side by
                side; None: the model's own. Another size may move the last bits.
            trust: take the file as it is, and read by `torch.export.load`, which may run code that the file
                contains, what cannot be read otherwise. Only for files from a source you trust.

        Raises:
            ModelError: the file is missing, damaged, is no exported program, holds no identity, is of
                a model that this version does not know, or cannot be read without `trust`; or there is no
                such device.
            ArgumentError: `batch_size` is no whole number of at least 1.
        """
        origin: Origin = "trusted" if trust else "given"
        self._hold(Path(path), read_identity(path), origin, device, settings, batch_size)

    @classmethod
    def own(
        cls,
        path: Path | str,
        device: str = "cpu",
        settings: Settings | None = None,
        batch_size: int | None = None,
    ) -> ExportedModel:
        """Load a file that this program exported, a second sooner; see `__init__`."""
        made = cls.__new__(cls)
        made._hold(Path(path), read_identity(path), "own", device, settings, batch_size)
        return made

    @classmethod
    def of_identity(
        cls,
        path: Path,
        identity: Identity,
        device: str = "cpu",
        settings: Settings | None = None,
        batch_size: int | None = None,
        *,
        trust: bool = False,
        note: str = "",
    ) -> ExportedModel:
        """Load a file that does not hold its identity; see `__init__`."""
        made = cls.__new__(cls)
        made._hold(path, identity, "trusted" if trust else "given", device, settings, batch_size)
        made.add_note(note)
        return made

    def add_note(self, note: str) -> None:
        """Put a note before those that there are."""
        self.note = "; ".join(filter(None, (note, self.note)))

    def _hold(
        self,
        path: Path,
        identity: Identity,
        origin: Origin,
        device: str,
        settings: Settings | None,
        batch_size: int | None,
    ) -> None:
        share_memory()
        self.device = resolve_device(device)
        self.identity = identity
        self.model = describe_model(identity.model, self.device, settings, batch_size)
        self._network, self.note = make_network(path, self.model, self.device, origin)
        self.fast = self.device == "cpu" and isinstance(self._network, SideBySide)

    def with_settings(self, settings: Settings) -> ExportedModel:
        """The same network, used in another way."""
        made = copy.copy(self)
        made.model = replace(self.model, settings=_on_device(settings, self.device))
        return made

    def network(self, *given: torch.Tensor) -> NDArray[np.float32]:
        """Run the network once on its arguments, the state included; returns its output."""
        return self._run(*(argument.to(self.device) for argument in given))

    def _run(self, *given: torch.Tensor) -> NDArray[np.float32]:
        with torch.inference_mode(), computing(self.device):
            output, _ = call_network(self._network, *given)
            return output.cpu().numpy()

    def embed(self, waveform: NDArray[np.float32], key: str = "") -> NDArray[np.float32]:
        """Embed one waveform.

        Args:
            waveform: float32 `[channels, samples]` with the model's channels and sample rate.
            key: tells the file from others (its sha256), for what is drawn at random.

        Returns:
            float32 `[N, D]`.

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
        features = self.model.frontend(waveform, key)
        peak = _largest([waveform])
        # A comparison with NaN is false.
        if not (peak < np.inf and _largest(features) <= LARGEST_FEATURE):
            raise AudioError(
                file,
                f"has values up to {peak:.3g}, with which the spectrum or the network overflows float32: "
                "scale the sound to ±1",
            )
        return features

    def embed_features(self, features: Arrays) -> NDArray[np.float32]:
        """Embed one file's features, as `EmbeddingModel.frontend` gives them; returns float32 `[N, D]`."""
        (embeddings,) = self.embed_many([features])
        return embeddings

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
    ) -> Iterator[NDArray[np.float32]]:
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
            The embeddings of each file, float32 `[N, D]`, in order. What a file raises, in `files` or in the
            network, may come before the embeddings of some files before it.
        """
        if isinstance(self.model, WindowedModel):
            size = self.model.batch_size
            windows: int = sum(vectors)
            if self.fast and windows:
                size = even_size(windows, max(lanes, 1), size)
            batches = Batches(size, whole=not self.fast)
            sized = ((batch, _bytes(batch)) for batch in batches.batches(files))
            outputs = self._in_lanes(self._embed_block, sized, lanes)
            yield from batches.files(outputs)
        else:
            groups: Iterable[Group] = ([each] for each in enumerate(files))
            if isinstance(self._network, SideBySide):
                groups = self._network.grouped(files, max(lanes, 1), len(vectors))
            sized_groups = ((group, self._memory([features for _, features in group])) for group in groups)
            yield from in_order(self._in_lanes(self._embed_group, sized_groups, lanes))

    def _embed_block(self, block: Arrays) -> NDArray[np.float32]:
        return self._run(*(upload(array, self.device) for array in block))

    def _embed_group(self, group: Group) -> list[tuple[int, NDArray[np.float32]]]:
        places, files = zip(*group, strict=True)
        with computing(self.device):
            outputs = run_side_by_side(self._network, self.model, files, self.device)
        return [(place, self.model.pool(of_file)) for place, of_file in zip(places, outputs, strict=True)]

    def _memory(self, files: Sequence[Arrays]) -> int:
        """What embedding files side by side takes."""
        samples = max(features[0].shape[-1] for features in files)
        at_once = self._network.at_once(samples) if isinstance(self._network, SideBySide) else 1
        return max(at_once * self.model.memory_bytes(samples), sum(map(_bytes, files)))

    def _in_lanes(
        self, embed: Callable[[Item], Result], sized: Iterable[tuple[Item, int]], lanes: int
    ) -> Iterator[Result]:
        """Call `embed` for arrays of so many bytes, in threads, as far as the settings' memory goes."""
        memory = int(self.model.settings.memory_gb * 1e9)
        # New threads take the number that any thread has set last.
        threads = torch.get_num_threads()
        start = partial(enter_lane, self.device)
        try:
            yield from prefetch(embed, sized, lanes, budget=memory, per_worker=4, start=start)
        finally:
            if lanes > 0 and self.device == "cpu":
                torch.set_num_threads(threads)


def describe_model(
    model_id: str, device: str = "cpu", settings: Settings | None = None, batch_size: int | None = None
) -> EmbeddingModel:
    """What `ExportedModel.model` will be: all that is known of a model before there are weights.

    Raises:
        ModelError: there is no such model, or no such device.
        ArgumentError: `batch_size` is no whole number of at least 1.
    """
    require_batch_size(batch_size)
    device = resolve_device(device)
    model = get_model(model_id, _on_device(settings or Settings(), device))
    size = batch_size if device == "cpu" else batch_size or model.cuda_batch_size
    return model if size is None else _in_batches(model, size)


def _on_device(settings: Settings, device: str) -> Settings:
    """Settings that name the kind of device where the network runs."""
    return replace(settings, device="cpu" if device == "cpu" else "cuda")


def _in_batches(model: EmbeddingModel, size: int) -> EmbeddingModel:
    """The model with batches of another size, where it has any."""
    return replace(model, batch_size=size, cuda_batch_size=size if model.cuda_batch_size > 1 else 1)


def _largest(arrays: Sequence[NDArray[Any]]) -> float:
    """Return the largest absolute value of float arrays; NaN if there is a NaN."""
    floats = [array for array in arrays if array.dtype.kind == "f"]
    extremes = [extreme for array in floats for extreme in (array.min(initial=0.0), array.max(initial=0.0))]
    return float(np.abs(extremes).max())


def _bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)
