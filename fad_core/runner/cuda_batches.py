"""A network on a CUDA device, called for several files at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import fx

from fad_core.models.base import Arrays
from fad_core.models.use import ModelUse
from fad_core.runner.file_batches import Group, full_groups

STACK_BYTES = 4_000_000_000
"""What files side by side may take together; fewer of longer ones go at once."""


class Stacked:
    """A network on a CUDA device that takes the equal calls of several files as one.

    The rounding of a kernel depends on how many rows it is given. Of calls of one size there are always as
    many rows, zeros in those left over: a file's result has the same bits in any company.
    """

    def __init__(self, network: fx.GraphModule, use: ModelUse, batch_size: int) -> None:
        """Make it of a network on the device (`fad_core.runner.cuda.on_cuda`).

        Args:
            network: of the model.
            use: the model, and how it is used.
            batch_size: files or windows at once.
        """
        self._network, self._use, self._batch_size = network, use, batch_size

    def __call__(self, *given: torch.Tensor) -> Any:
        """The network's result for one call."""
        return self._network(*given)

    def together(self, calls: Sequence[tuple[torch.Tensor, ...]]) -> list[Any]:
        """The network's results for the arguments of several calls; those of one row each go side by side."""
        results: list[Any] = [None] * len(calls)
        alike = defaultdict[Any, list[int]](list)
        for place, given in enumerate(calls):
            alike[tuple(tensor.shape for tensor in given)].append(place)
        for shapes, places in alike.items():
            rowed = all(shape[0] == 1 for shape in shapes)
            size = 1 if not rowed else self.at_once(calls[places[0]][0].shape[-1])
            for start in range(0, len(places), size):
                some = places[start : start + size]
                for place, result in zip(
                    some, self._stacked([calls[each] for each in some], size), strict=True
                ):
                    results[place] = result
        return results

    def grouped(self, files: Iterable[Arrays], lanes: int, total: int) -> Iterable[Group]:  # noqa: ARG002
        """See `fad_core.runner.backends.SideBySide`."""
        return full_groups(files, self._batch_size)

    def at_once(self, samples: int) -> int:
        """How many blocks of so many samples are stacked."""
        most, held = self._batch_size, self._use.memory_bytes(samples)
        return max(min(most, STACK_BYTES // held), 1) if held else most

    def _stacked(self, calls: Sequence[tuple[torch.Tensor, ...]], size: int) -> list[Any]:
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
