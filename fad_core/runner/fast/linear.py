"""Products by a matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from fad_core.runner.fast import panels

_SHARED_WEIGHT = 2048 * 2048
"""From so many pairs of an input and an output on, several calls at a time: they would not stay in cache."""
_ROWS = 480
"""Rows at a time: 256 inputs of each, which is what goes through at a time, stay in cache."""
_FILLED = 16
"""A multiple of it fills panels."""
_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "none": None,
    "relu": torch.relu_,
    "gelu": torch.ops.aten.gelu_,
}


class Linear(nn.Module):
    """`[…, inputs]` to `[…, outputs]`, and a function of each value."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, behind: str = "none") -> None:
        """Prepare the weights.

        Args:
            weight: float32 `[outputs, inputs]`.
            bias: float32 `[outputs]`, or None.
            behind: "none", "relu" or "gelu" (with erf).
        """
        super().__init__()
        self._outputs, self._inputs = weight.shape
        # Outputs that do not fill panels, with zeros up to a number that does on all processors.
        missing = -self._outputs % _FILLED
        given = torch.zeros(self._outputs) if bias is None else bias
        self._bias = nn.functional.pad(given, (0, missing)).contiguous()
        # Padding by nothing would be a copy, of 200 MB for VGGish.
        filled = nn.functional.pad(weight, (0, 0, 0, missing)) if missing else weight
        self._panels = panels.in_panels(filled.numpy())
        self._function = _FUNCTIONS[behind]

    @property
    def shares(self) -> bool:
        """Whether it gains by several calls at once: few products take less time than reading weights."""
        return self._inputs * self._outputs >= _SHARED_WEIGHT

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        rows = x.reshape(-1, self._inputs).contiguous()
        sums = torch.empty((len(rows), len(self._bias)))
        for given, made in zip(torch.split(rows, _ROWS), torch.split(sums, _ROWS), strict=True):
            panels.multiply_rows(given.numpy(), self._panels, self._bias.numpy(), made.numpy())
            if self._function is not None:
                self._function(made)
        return sums[:, : self._outputs].reshape(*x.shape[:-1], self._outputs)

    def together(self, calls: Sequence[tuple[torch.Tensor]]) -> list[torch.Tensor]:
        """Apply it to several calls' arguments; each result has the same bits in any company."""
        rows = [x.reshape(-1, self._inputs) for (x,) in calls]
        made = torch.split(self(torch.cat(rows)), [len(each) for each in rows])
        return [sums.reshape(*x.shape[:-1], self._outputs) for sums, (x,) in zip(made, calls, strict=True)]
