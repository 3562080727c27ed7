"""Convolutions of images with weights that oneDNN keeps in the order its kernels read.

PyTorch hands convolutions to oneDNN with weights in the plain order, which are put in order anew in each
call. Here the weights are put in order once, and images are kept channels last, which needs no reordering
either. oneDNN's own ReLU turns NaN into 0, so PyTorch's, which keeps it, is applied in place behind.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

_POOLS: dict[str, Callable[[torch.Tensor, int], torch.Tensor] | None] = {
    "": None,
    "mean": nn.functional.avg_pool2d,
    "max": nn.functional.max_pool2d,
}


class PackedConvolution(nn.Module):
    """A convolution of images `[N, C, H, W]`, channels last in memory."""

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        stride: list[int],
        padding: list[int],
        relu: bool = False,
        pool: str = "",
    ) -> None:
        """Prepare the weights.

        Args:
            weight: `[outputs, inputs, kernel height, kernel width]`.
            bias: `[outputs]`, or None.
            stride: by dimension.
            padding: likewise.
            relu: whether negative values become zero.
            pool: what is left of 2 × 2 values: "" all of them, their "mean", or the largest, "max".
        """
        super().__init__()
        self._pool = _POOLS[pool]
        self._stride, self._padding, self._bias = stride, padding, bias
        self._relu = relu
        # The order depends on the image's size, though seldom: this one stands for all.
        size = [1, weight.shape[1], 64, 64]
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            weight.contiguous(memory_format=torch.channels_last), padding, stride, [1, 1], 1, size
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        if self._pool is None:
            return self._convolved(x)
        # One image at a time: what is pooled away would fill more memory than the caches.
        first = self._pool(self._convolved(x[:1]), 2)
        pooled = torch.empty((len(x), *first.shape[1:]), memory_format=torch.channels_last)
        pooled[:1] = first
        for place in range(1, len(x)):
            pooled[place] = self._pool(self._convolved(x[place : place + 1]), 2)[0]
        return pooled

    def _convolved(self, image: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
            image.contiguous(memory_format=torch.channels_last),
            self._weight,
            self._bias,
            self._padding,
            self._stride,
            [1, 1],
            1,
            "none",
            [],
            "",
        )
        return made.relu_() if self._relu else made
