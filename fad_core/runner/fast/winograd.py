"""3×3 convolutions by Winograd's minimal filtering, on a CPU.

Lavin and Gray 2015 (arXiv 1509.09308): an output of 4×4 values takes 36 products a channel pair instead of
144, one of 2×2 takes 16 instead of 36. The products are matrix products, one for each of the tile's places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.runner.fast import winograd_transforms as transforms
from fad_core.runner.fast.panels import LANES, multiply_places
from fad_core.runner.fast.panels import width as panel_width

POOLS = {"": 0, "mean": 1, "max": 2}
_CHUNK_BYTES = 8_000_000
"""Of the tiles that go through at a time and of what comes out: they stay in cache."""
_LEAST_TILES = 64
"""But never fewer at a time: each time, all weights are read."""
_SHARED_WEIGHT = 512 * 1024
"""From so many pairs of an input and an output on, several images at a time."""
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
_NARROW = [[0, 1, 0], [1, -1, 0], [0, -1, 1]]
"""What takes its place across an image that is two values wide."""


class _Rows(NamedTuple):
    """Rows of tiles of an image, counted over the images of its batch, and where their first tile stands."""

    image: int
    first: int
    last: int
    at: int


class WinogradConvolution(nn.Module):
    """A 3×3 convolution of stride 1, padded by 1; then, if asked for, ReLU and a 2×2 pooling."""

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor,
        scale: torch.Tensor | None = None,
        *,
        side: int,
        narrow: bool = False,
        relu: bool = False,
        pool: str = "",
    ) -> None:
        """Prepare the weights.

        Args:
            weight: `[outputs, inputs, 3, 3]`.
            bias: `[outputs]`.
            scale: `[outputs]`, that the weights are multiplied by; None: by 1.
            side: of a tile of outputs: 2 or 4.
            narrow: whether all images are two values wide; the side is 2 then.
            relu: whether negative values become zero.
            pool: "", "mean" or "max".
        """
        super().__init__()
        self.outputs, self.inputs = weight.shape[:2]
        down = np.array(_MATRICES[side], np.float64)
        aside = np.array(_NARROW, np.float64) if narrow else down
        self.side, self.places = side, len(down) * len(aside)
        self.relu, self.pool = relu, POOLS[pool]
        self.bias: NDArray[np.float32] = bias.to(torch.float32).numpy()
        across = panel_width(self.outputs) * LANES
        panels = torch.empty((self.places, self.outputs // across, self.inputs, across)).numpy()
        factors = torch.ones(self.outputs) if scale is None else scale
        transforms.weights_in_panels(weight.numpy(), factors.numpy(), down, aside, across, panels)
        self._panels: NDArray[np.float32] = panels.reshape(self.places, -1)
        kind = "narrow" if narrow else side
        self._in, self._out = (getattr(transforms, f"{name}_{kind}") for name in ("to_tiles", "from_tiles"))

    @property
    def shares(self) -> bool:
        """Whether it gains by several images at once: few products take less time than reading weights."""
        return self.inputs * self.outputs >= _SHARED_WEIGHT

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Turn `[N, inputs, H, W]` into `[N, outputs, H, W]`, or half the height and width, channels last."""
        (result,) = self.together([(image,)])
        return result

    def together(self, calls: Sequence[tuple[torch.Tensor]]) -> list[torch.Tensor]:
        """Apply it to images of several sizes; each has the same bits in any company."""
        images = [image.permute(0, 2, 3, 1).contiguous() for (image,) in calls]
        halves = 2 if self.pool else 1
        results = [
            torch.empty((number, height // halves, width // halves, self.outputs))
            for number, height, width, _ in (image.shape for image in images)
        ]
        limit = max(_CHUNK_BYTES // (4 * self.places * (self.inputs + self.outputs)), _LEAST_TILES)
        for rows in self._chunks([image.shape for image in images], limit):
            self._convolve(rows, images, results)
        return [result.permute(0, 3, 1, 2) for result in results]

    def _chunks(self, shapes: Sequence[torch.Size], limit: int) -> Iterator[list[_Rows]]:
        """Rows of tiles of all images, about as many tiles at a time as the limit says."""
        chunk: list[_Rows] = []
        held = 0
        for place, (number, height, width, _) in enumerate(shapes):
            across, rows = -(-width // self.side), number * -(-height // self.side)
            first = 0
            while first < rows:
                last = min(first + max((limit - held) // across, 1), rows)
                chunk.append(_Rows(place, first, last, held))
                held += (last - first) * across
                first = last
                if held + across > limit:
                    yield chunk
                    chunk, held = [], 0
        if chunk:
            yield chunk

    def _convolve(
        self, chunk: Sequence[_Rows], images: Sequence[torch.Tensor], results: Sequence[torch.Tensor]
    ) -> None:
        last = chunk[-1]
        across = -(-images[last.image].shape[2] // self.side)
        count = last.at + (last.last - last.first) * across
        # Rows that lie whole pages apart would share one place in the cache.
        tiles = torch.empty((self.places, count * self.inputs + 16)).numpy()
        for rows in chunk:
            _, height, width, _ = images[rows.image].shape
            given = images[rows.image].numpy().reshape(-1)
            self._in(given, height, width, self.inputs, rows.first, rows.last, tiles, rows.at)
        products = torch.empty((self.places, count, self.outputs)).numpy()
        multiply_places(tiles, count, self.inputs, self._panels, self.outputs, products)
        for rows in chunk:
            _, height, width, _ = images[rows.image].shape
            self._out(
                *(products, rows.at, self.bias, self.relu, self.pool),
                *(height, width, rows.first, rows.last, results[rows.image].numpy().reshape(-1)),
            )
