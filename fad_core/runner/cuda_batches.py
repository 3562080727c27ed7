"""Run a network on a CUDA device for several files at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import fx

from fad_core.models.base import Arrays, NetworkModel
from fad_core.models.options import Options
from fad_core.runner.file_batches import Group, full_groups

BATCH_BYTES = 4_000_000_000
"""Memory that the files of one batch may take together; a batch of longer files holds fewer."""


class CudaBatcher:
    """A network on a CUDA device that computes the calls of several files, of equal shapes, as one batch.

    The rounding of a kernel depends on its number of rows. So all batches of one shape have the same number
    of rows, filled up with zeros, and a file's result has the same bits whichever files run with it.
    """

    any_batch = False

    def __init__(
        self, network: fx.GraphModule, model: NetworkModel, options: Options, batch_size: int
    ) -> None:
        """Wrap a network that is on the device (`fad_core.runner.cuda.on_cuda`).

        Args:
            network: network of the model.
            model: the model.
            options: how it is used.
            batch_size: number of files or windows in a batch.
        """
        self._network, self._batch_size = network, batch_size
        self._model, self._options = model, options

    def __call__(self, *given: torch.Tensor) -> Any:
        """Return the result of one call."""
        return self._network(*given)

    def run_calls(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> list[Any]:
        """Return the results of several calls; calls with a single row are joined into batches."""
        results: list[Any] = [None] * len(calls)
        places_of = defaultdict[Any, list[int]](list)
        for place, given in enumerate(calls):
            places_of[tuple(tensor.shape for tensor in given)].append(place)
        for shapes, places in places_of.items():
            single = all(shape[0] == 1 for shape in shapes)
            samples = self._model.samples_of(calls[places[0]][0].shape)
            size = self.files_in_memory(samples) if single else 1
            for start in range(0, len(places), size):
                batch = places[start : start + size]
                made = self._run_batch([calls[place] for place in batch], size)
                for place, result in zip(batch, made, strict=True):
                    results[place] = result
        return results

    def group_files(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Group]:  # noqa: ARG002
        """See `fad_core.runner.backends.MultiFileNetwork`."""
        return full_groups(files, self._batch_size)

    def files_in_memory(self, samples: int) -> int:
        """Return the number of files of so many samples in one batch."""
        most, held = self._batch_size, self._model.memory_bytes(samples, self._options)
        return max(min(most, BATCH_BYTES // held), 1) if held else most

    def _run_batch(self, calls: Sequence[tuple[torch.Tensor, ...]], size: int) -> list[Any]:
        if size == 1:
            return [self._network(*given) for given in calls]
        given = []
        for tensors in zip(*calls, strict=True):
            empty = tensors[0].new_zeros(size - len(calls), *tensors[0].shape[1:])
            given.append(torch.cat([*tensors, empty]))
        result = self._network(*given)
        if isinstance(result, torch.Tensor):
            return list(torch.split(result[: len(calls)], 1))
        return list(zip(*(torch.split(tensor[: len(calls)], 1) for tensor in result), strict=True))
