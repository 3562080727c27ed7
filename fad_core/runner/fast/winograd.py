"""3×3 convolutions by Winograd's minimal filtering, on a CPU.

Lavin and Gray 2015 (arXiv 1509.09308): a tile of 4×4 outputs takes 36 products for each pair of channels
instead of 144, one of 2×2 takes 16 instead of 36. The products are matrix products, one for each place of a
tile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.runner.fast import packed_gemm
from fad_core.runner.fast import winograd_transforms as transforms

_POOLS = {"": 0, "mean": 1, "max": 2}
_CHUNK_BYTES = 8_000_000
"""Of the tiles, and of their products, that are computed at a time: they stay in cache."""
_LEAST_TILES = 64
"""At a time, however large they are: all weights are read each time."""
_LARGE_WEIGHT = 512 * 1024
"""Pairs of an input and an output channel from which on images of several calls are computed together."""
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


class _TileRows(NamedTuple):
    """Successive rows of tiles of one batch of images.

    Attributes:
        batch: place of the batch among those that are computed together.
        first: number of the first row, counted over all images of the batch.
        last: the number after that of the last row.
        start: place of the first tile among those of the chunk.
    """

    batch: int
    first: int
    last: int
    start: int


class WinogradConvolution(nn.Module):
    """A 3×3 convolution of stride 1 and padding 1, with a ReLU and a 2×2 pooling behind it if asked for."""

    any_batch = True

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
        """Transform and pack the weights.

        Args:
            weight: float32 `[outputs, inputs, 3, 3]`; the outputs must fill panels
                (`packed_gemm.panel_registers`).
            bias: `[outputs]`.
            scale: float32 `[outputs]`, factors of each output's weights; None: all 1.
            side: of a tile of outputs: 2 or 4.
            relu: whether negative values become zero.
            pool: what is left of 2 × 2 values: "" all of them, their "mean", or the largest, "max".
        """
        super().__init__()
        outputs, inputs = weight.shape[:2]
        matrix = np.array(_MATRICES[side], np.float64)
        self._outputs, self._inputs = outputs, inputs
        self._side, self._places = side, len(matrix) ** 2
        self._relu, self._pool = relu, _POOLS[pool]
        self._bias: NDArray[np.float32] = bias.to(torch.float32).numpy()
        across = packed_gemm.panel_registers(outputs) * packed_gemm.LANES
        panels = torch.empty((self._places, outputs // across, inputs, across), dtype=torch.float32).numpy()
        factors = torch.ones(outputs, dtype=torch.float32) if scale is None else scale
        transforms.pack_weights(weight.numpy(), factors.numpy(), matrix, panels)
        self._panels: NDArray[np.float32] = panels.reshape(self._places, -1)

    @property
    def takes_many(self) -> bool:
        """Whether several calls at once take less time: for few tiles, most of it is reading the weights."""
        return self._inputs * self._outputs >= _LARGE_WEIGHT

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Turn `[N, inputs, H, W]` into `[N, outputs, H, W]`, or half the height and width, channels last."""
        (result,) = self.forward_many([(image,)])
        return result

    def forward_many(self, calls: Sequence[tuple[torch.Tensor]]) -> list[torch.Tensor]:
        """Do the same for several calls' images, of any sizes; an image's bits depend on no other image."""
        images = [image.permute(0, 2, 3, 1).contiguous() for (image,) in calls]
        step = 2 if self._pool else 1
        results = [
            torch.empty((number, height // step, width // step, self._outputs), dtype=torch.float32)
            for number, height, width, _ in (image.shape for image in images)
        ]
        limit = max(_CHUNK_BYTES // (4 * self._places * (self._inputs + self._outputs)), _LEAST_TILES)
        for chunk in self._chunks([image.shape for image in images], limit):
            self._convolve(chunk, images, results)
        return [result.permute(0, 3, 1, 2) for result in results]

    def _chunks(self, shapes: Sequence[torch.Size], limit: int) -> Iterator[list[_TileRows]]:
        """Divide the rows of tiles of all images into chunks of about `limit` tiles."""
        chunk: list[_TileRows] = []
        held = 0
        for batch, (number, height, width, _) in enumerate(shapes):
            across, rows = -(-width // self._side), number * -(-height // self._side)
            first = 0
            while first < rows:
                last = min(first + max((limit - held) // across, 1), rows)
                chunk.append(_TileRows(batch, first, last, held))
                held += (last - first) * across
                first = last
                if held + across > limit:
                    yield chunk
                    chunk, held = [], 0
        if chunk:
            yield chunk

    def _convolve(
        self, chunk: Sequence[_TileRows], images: Sequence[torch.Tensor], results: Sequence[torch.Tensor]
    ) -> None:
        last = chunk[-1]
        across = -(-images[last.batch].shape[2] // self._side)
        count = last.start + (last.last - last.first) * across
        # Rows of matrices that are whole pages apart would compete for one place of the cache: hence 16.
        tiles = torch.empty((self._places, count * self._inputs + 16), dtype=torch.float32).numpy()
        for rows in chunk:
            _, height, width, _ = images[rows.batch].shape
            flat = images[rows.batch].numpy().reshape(-1)
            transforms.image_to_tiles(
                *(self._side, flat, height, width, self._inputs, rows.first, rows.last, tiles, rows.start)
            )
        products = torch.empty((self._places, count, self._outputs), dtype=torch.float32).numpy()
        packed_gemm.gemm_batch(tiles, count, self._inputs, self._panels, self._outputs, products)
        for rows in chunk:
            _, height, width, _ = images[rows.batch].shape
            flat = results[rows.batch].numpy().reshape(-1)
            transforms.tiles_to_image(
                *(self._side, products, rows.start, self._bias, self._relu, self._pool),
                *(height, width, rows.first, rows.last, flat),
            )
