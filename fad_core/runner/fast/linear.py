"""Products with a matrix of weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from fad_core.runner.fast import packed_gemm

_LARGE_WEIGHT = 2048 * 2048
"""Pairs of an input and an output from which on calls are computed together: they do not stay in cache."""
_ROWS = 480
"""Rows at a time: of 256 inputs each, which is what is summed at a time, they stay in cache."""
_FILLED = 16
"""A number of outputs that is a multiple of it fills panels on all processors."""
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "none": None,
    "relu": torch.relu_,
    "gelu": torch.ops.aten.gelu_,
}


class Linear(nn.Module):
    """A dense layer and its activation: `[…, inputs]` to `[…, outputs]`."""

    any_batch = True

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, activation: str = "none") -> None:
        """Pack the weights.

        Args:
            weight: float32 `[outputs, inputs]`.
            bias: float32 `[outputs]`, or None.
            activation: "none", "relu" or "gelu" (by erf).
        """
        super().__init__()
        self._outputs, self._inputs = weight.shape
        # Outputs that do not fill panels are filled up with zeros.
        missing = -self._outputs % _FILLED
        given = torch.zeros(self._outputs, dtype=torch.float32) if bias is None else bias
        self._bias = nn.functional.pad(given, (0, missing)).contiguous()
        # Padding by nothing would be a copy, of 200 MB for VGGish.
        filled = nn.functional.pad(weight, (0, 0, 0, missing)) if missing else weight
        self._panels = packed_gemm.pack(filled.numpy())
        self._activation = _ACTIVATIONS[activation]

    @property
    def takes_many(self) -> bool:
        """Whether several calls at once take less time: for few rows, most of it is reading the weights."""
        return self._inputs * self._outputs >= _LARGE_WEIGHT

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer."""
        rows = x.reshape(-1, self._inputs).contiguous()
        outputs = torch.empty((len(rows), len(self._bias)), dtype=torch.float32)
        for given, made in zip(torch.split(rows, _ROWS), torch.split(outputs, _ROWS), strict=True):
            packed_gemm.linear(given.numpy(), self._panels, self._bias.numpy(), made.numpy())
            if self._activation is not None:
                self._activation(made)
        return outputs[:, : self._outputs].reshape(*x.shape[:-1], self._outputs)

    def forward_many(self, calls: Sequence[tuple[torch.Tensor]]) -> list[torch.Tensor]:
        """Apply the layer to several calls' arguments; a row's bits depend on no other row."""
        rows = [x.reshape(-1, self._inputs) for (x,) in calls]
        made = torch.split(self(torch.cat(rows)), [len(each) for each in rows])
        return [each.reshape(*x.shape[:-1], self._outputs) for each, (x,) in zip(made, calls, strict=True)]
