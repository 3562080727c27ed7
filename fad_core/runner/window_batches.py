"""Divide the windows of many files into batches of one size.

The last bits of PyTorch's results depend on the number of windows in a batch. If all batches are full, a
window's embedding does not depend on the files that are embedded with it. The kernels of
`fad_core.runner.fast` add a window's products in the same order in any batch. So for a network that leaves
nothing else to PyTorch (`takes_any_batch`), the last batch need not be full, and the batch size can be chosen
to divide the work evenly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fad_core.models.base import Arrays


class Batches:
    """Divides windows of successive files into batches, and embeddings of batches into those of files.

    Pass the results for all `batches` to `files`; the two iterators may be used at the same time.
    """

    def __init__(self, size: int, whole: bool = True) -> None:
        """Set the number of windows in a batch; if batches must be `whole`, zeros fill the last one."""
        self._size, self._whole = size, whole
        self._counts: deque[int] = deque()

    def batches(self, files: Iterable[Arrays]) -> Iterator[Arrays]:
        """Yield batches of `size` windows.

        Args:
            files: for each file its arrays `[N, …]`, with one window per row.
        """
        rest: list[Arrays] = []
        held = 0
        for windows in files:
            self._counts.append(len(windows[0]))
            rest.append(windows)
            held += len(windows[0])
            while held >= self._size:
                joined = _joined(rest)
                yield tuple(array[: self._size] for array in joined)
                rest, held = [tuple(array[self._size :] for array in joined)], held - self._size
        if held:
            last = _joined(rest)
            yield tuple(_filled(array, self._size) for array in last) if self._whole else last

    def files(self, outputs: Iterable[Arrays]) -> Iterator[Arrays]:
        """Yield the outputs `[N, D]` of each file from those of the batches."""
        rest: Arrays | None = None
        for output in outputs:
            rest = output if rest is None else _joined([rest, output])
            while self._counts and self._counts[0] <= len(rest[0]):
                count = self._counts.popleft()
                yield tuple(array[:count] for array in rest)
                rest = tuple(array[count:] for array in rest)


def even_size(windows: int, lanes: int, largest: int) -> int:
    """Return the batch size that gives each of several threads the same number of batches.

    Args:
        windows: total number of windows, at least 1.
        lanes: number of threads that embed batches.
        largest: largest permitted size of a batch.
    """
    rounds = -(-windows // (lanes * largest))
    return -(-windows // (lanes * rounds))


def _joined(parts: list[Arrays]) -> Arrays:
    return parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts, strict=True)))


def _filled(array: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    return np.concatenate([array, np.zeros((size - len(array), *array.shape[1:]), array.dtype)])
