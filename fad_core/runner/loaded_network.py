"""The network of a `.pt2` in memory, ready to run. `fad_core.runner.exported` loads it when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from fad_core.models.base import Arrays, NetworkModel, Vectors, WindowedModel
from fad_core.models.options import Options
from fad_core.runner.backend import Backend, Origin
from fad_core.runner.backends import MultiFileNetwork, make_network
from fad_core.runner.blocks import run_files, split_result
from fad_core.runner.device import computing, enter_lane, upload
from fad_core.runner.file_batches import Group, bytes_of, in_order
from fad_core.runner.window_batches import Batches, even_size
from fad_core.util.prefetch import Item, Result, prefetch


class LoadedNetwork:
    """A network that is ready to run.

    Attributes:
        fast: whether it runs with the kernels for this processor (`fad_core.runner.fast`).
        note: why it runs as it was exported although the kernels were asked for; else empty.
    """

    def __init__(
        self,
        path: Path,
        model: NetworkModel,
        options: Options,
        backend: Backend,
        batch_size: int,
        origin: Origin,
    ) -> None:
        """Load a network; the arguments are those of `fad_core.runner.backends.make_network`."""
        self._model, self._device, self._batch_size = model, backend.device, batch_size
        self._network, self.note = make_network(path, model, options, backend, batch_size, origin)
        self.fast = backend.on_cpu and isinstance(self._network, MultiFileNetwork)

    def run(self, *given: torch.Tensor) -> Arrays:
        """Run the network once; return its outputs, and its state if it has one."""
        with torch.inference_mode(), computing(self._device):
            on_device = (argument.to(self._device) for argument in given)
            outputs, state = split_result(self._network(*on_device), self._model)
            return tuple(tensor.cpu().numpy() for tensor in (*outputs, *state))

    def embed_many(
        self, options: Options, files: Iterable[Arrays], lanes: int, vectors: Sequence[int]
    ) -> Generator[Vectors]:
        """Embed the features of files; see `fad_core.runner.exported_network.ExportedNetwork.embed_many`."""
        model, memory = self._model, int(options.memory_gb * 1e9)
        if isinstance(model, WindowedModel):
            size = self._batch_size
            windows: int = sum(vectors)
            any_batch = isinstance(self._network, MultiFileNetwork) and self._network.any_batch
            if any_batch and windows:
                size = even_size(windows, max(lanes, 1), size)
            batches = Batches(size, whole=not any_batch)
            sized = ((batch, bytes_of(batch)) for batch in batches.batches(files))
            outputs = self._in_lanes(self._embed_block, sized, lanes, memory)
            for rows in batches.files(outputs):
                yield model.pool([rows])
        else:
            groups: Iterable[Group] = ([each] for each in enumerate(files))
            if isinstance(self._network, MultiFileNetwork):
                groups = self._network.group_files(files, max(lanes, 1), len(vectors))
            sized_groups = ((group, self._memory(options, [each for _, each in group])) for group in groups)
            yield from in_order(self._in_lanes(self._embed_group, sized_groups, lanes, memory))

    def _embed_block(self, block: Arrays) -> Arrays:
        made = self.run(*(upload(array, self._device) for array in block))
        return made[: len(self._model.outputs)]

    def _embed_group(self, group: Group) -> list[tuple[int, Vectors]]:
        places, files = zip(*group, strict=True)
        model = self._model
        with computing(self._device):
            outputs = run_files(self._network, model, files, self._device)
        return [(place, model.pool(of_file)) for place, of_file in zip(places, outputs, strict=True)]

    def _memory(self, options: Options, files: Sequence[Arrays]) -> int:
        """Return the memory in bytes that embedding these files together takes."""
        samples = max(self._model.samples_of(features[0].shape) for features in files)
        network = self._network
        count = network.files_in_memory(samples) if isinstance(network, MultiFileNetwork) else 1
        return max(count * self._model.memory_bytes(samples, options), sum(map(bytes_of, files)))

    def _in_lanes(
        self, embed: Callable[[Item], Result], sized: Iterable[tuple[Item, int]], lanes: int, memory: int
    ) -> Iterator[Result]:
        """Call `embed` for items of given sizes in bytes, in threads, within so much memory."""
        # New threads start with the number that any thread has set last, so it is restored at the end.
        threads = torch.get_num_threads()
        start = partial(enter_lane, self._device)
        try:
            yield from prefetch(embed, sized, lanes, budget=memory, per_worker=4, start=start)
        finally:
            if lanes > 0 and self._device == "cpu":
                torch.set_num_threads(threads)
