"""3×3 convolutions by Winograd's minimal filtering, on a CPU.

Lavin and Gray 2015 (arXiv 1509.09308): an output of 4×4 values takes 36 products a channel pair instead of
144, one of 2×2 takes 16 instead of 36. The products are matrix products, one for each of the tile's places,
that oneDNN computes as one convolution of as many groups.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.kernels import winograd_transforms as transforms

POOLS = {"": 0, "mean": 1, "max": 2}
_CHUNK_BYTES = 8_000_000
"""Of the tiles that go through at a time and of what comes out: they stay in cache."""
_LEAST_TILES = 64
"""But never fewer at a time: each time, all weights are read."""
_MATRICES = {
    2: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
}
"""Lavin and Gray's G, by the side of an output tile."""


class WinogradConvolution(nn.Module):
    """A 3×3 convolution of stride 1, padded by 1; then, if asked for, ReLU and a 2×2 pooling."""

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor,
        scale: torch.Tensor | None = None,
        *,
        side: int,
        relu: bool = False,
        pool: str = "",
    ) -> None:
        """Prepare the weights.

        Args:
            weight: `[outputs, inputs, 3, 3]`.
            bias: `[outputs]`.
            scale: `[outputs]`, that the weights are multiplied by; None: by 1.
            side: of a tile of outputs: 2 or 4.
            relu: whether negative values become zero.
            pool: "", "mean" or "max".
        """
        super().__init__()
        self.outputs, self.inputs = weight.shape[:2]
        self.side, self.places = side, (side + 2) ** 2
        self.relu, self.pool = relu, POOLS[pool]
        self.bias: NDArray[np.float32] = bias.to(torch.float32).numpy()
        places = transformed(weight, side, scale)
        # Each is let go of as soon as it is packed.
        self._weights = [self._packed(places.pop(0)) for _ in range(self.places)]
        self._in, self._out = (getattr(transforms, f"{name}_{side}") for name in ("to_tiles", "from_tiles"))

    @staticmethod
    def _packed(weight: torch.Tensor) -> torch.Tensor:
        packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, 64)
        return packed

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Turn `[N, inputs, H, W]` into `[N, outputs, H, W]`, or half the height and width, channels last."""
        number, _, height, width = image.shape
        given = image.permute(0, 2, 3, 1).contiguous().numpy().reshape(-1)
        shrunk = (height // 2, width // 2) if self.pool else (height, width)
        result = torch.empty((number, *shrunk, self.outputs))
        target = result.numpy().reshape(-1)
        across, rows = -(-width // self.side), number * -(-height // self.side)
        each = 4 * across * self.places * (self.inputs + self.outputs)
        step = min(max(1, _CHUNK_BYTES // each, -(-_LEAST_TILES // across)), rows)
        # One tile alone would be a vector, for which oneDNN wants its weights in another order; and rows that
        # lie whole pages apart would share one place in the cache.
        tiles = torch.zeros((self.places, (max(step * across, 2) * self.inputs + 16)))
        for first in range(0, rows, step):
            last = min(first + step, rows)
            count = max((last - first) * across, 2)
            self._in(given, height, width, self.inputs, first, last, tiles.numpy())
            products = tuple(
                torch.ops.mkldnn._linear_pointwise(
                    row[: count * self.inputs].view(count, -1), weight, None, "none", [], ""
                ).numpy()
                for row, weight in zip(tiles, self._weights, strict=True)
            )
            self._out(products, self.bias, self.relu, self.pool, height, width, first, last, target)
        return result.permute(0, 3, 1, 2)


def transformed(weight: torch.Tensor, side: int, scale: torch.Tensor | None = None) -> list[torch.Tensor]:
    """G g G^T of scaled weights: for each place of a tile `[outputs, inputs]`; computed in float64."""
    matrix = torch.tensor(_MATRICES[side], dtype=torch.float64)
    both = torch.kron(matrix, matrix).T.contiguous()
    outputs, inputs = weight.shape[:2]
    result = [torch.empty((outputs, inputs)) for _ in range(len(matrix) ** 2)]
    # A few outputs at a time: all at once would take twice the memory of the result.
    for start in range(0, outputs, 64):
        part = weight[start : start + 64]
        if scale is not None:
            part = part * scale[start : start + 64].reshape(-1, 1, 1, 1)
        part = part.to(torch.float64).reshape(-1, 9) @ both
        for place, values in zip(result, part.T, strict=True):
            place[start : start + 64] = values.reshape(-1, inputs)
    return result
