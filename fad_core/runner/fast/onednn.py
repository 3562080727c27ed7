"""Convolutions of images by oneDNN, with weights reordered beforehand.

PyTorch passes the weights of a convolution to oneDNN in its own order, and oneDNN reorders them in each call.
Here they are reordered once, and images are kept channels last, which oneDNN need not reorder either.
oneDNN's own ReLU turns NaN into 0, so PyTorch's, which keeps it, is applied afterwards.
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
        """Reorder the weights.

        Args:
            weight: `[outputs, inputs, kernel height, kernel width]`.
            bias: `[outputs]`, or None.
            stride: along height and width.
            padding: along height and width.
            relu: whether negative values become zero.
            pool: what is left of 2 × 2 values: "" all of them, their "mean", or the largest, "max".
        """
        super().__init__()
        self._pool = _POOLS[pool]
        self._stride, self._padding, self._bias = stride, padding, bias
        self._relu = relu
        # The order can depend on the image's size, though it seldom does: this size stands for all.
        size = [1, weight.shape[1], 64, 64]
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            weight.contiguous(memory_format=torch.channels_last), padding, stride, [1, 1], 1, size
        )

    @property
    def any_batch(self) -> bool:
        """Whether an image's bits depend on no other image: with a pooling, oneDNN is given one at a time."""
        return self._pool is not None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve images, and apply what follows."""
        if self._pool is None:
            return self._convolve(x)
        # One image at a time, so that what is pooled stays in cache.
        first = self._pool(self._convolve(x[:1]), 2)
        shape = (len(x), *first.shape[1:])
        pooled = torch.empty(shape, dtype=torch.float32, memory_format=torch.channels_last)
        pooled[:1] = first
        for place in range(1, len(x)):
            pooled[place] = self._pool(self._convolve(x[place : place + 1]), 2)[0]
        return pooled

    def _convolve(self, image: torch.Tensor) -> torch.Tensor:
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
