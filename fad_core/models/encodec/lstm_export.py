"""Exporting networks with strided convolutions and LSTMs for sequences of any length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.fx.experimental import _config as symbolic_shapes

# PyTorch has no public way to say either of these. What is exported under them is held against the network,
# at the shortest lengths too, whenever a model is verified.


@contextmanager
def any_length() -> Iterator[None]:
    """Let `torch.export` trace a network for all lengths, one frame included.

    Two things would narrow them:

    * Sizes of 0 and 1 count as special, and a strided convolution is traced for output that is longer.
    * To learn the shape of an LSTM's output, the tracer runs PyTorch's Python decomposition of the operator,
      a loop over time, which fixes the length. A function that gives the shapes alone stands in for it, so
      `aten.lstm.input` stays one node; the exported program calls the real operator.
    """
    operator = torch.ops.aten.lstm.input
    before = dict(operator.py_kernels)
    operator.py_kernels.update(dict.fromkeys(before, _shapes_of_lstm))
    operator._dispatch_cache.clear()
    try:
        with symbolic_shapes.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
            yield
    finally:
        operator.py_kernels.update(before)
        operator._dispatch_cache.clear()


def _shapes_of_lstm(
    sequence: torch.Tensor, state: Sequence[torch.Tensor], *_others: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Empty outputs of an LSTM in one direction, time first: `[T, B, H]` and twice `[layers, B, H]`."""
    hidden, cell = state
    output = sequence.new_empty((sequence.shape[0], sequence.shape[1], hidden.shape[-1]))
    return output, torch.empty_like(hidden), torch.empty_like(cell)
