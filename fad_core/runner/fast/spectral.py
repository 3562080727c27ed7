"""Long convolutions over time by products of spectra, on a CPU.

Tiles of 32 columns are transformed by a short Fourier transform, multiplied with the transform of the kernel,
and transformed back; of a tile, the columns that do not wrap round are kept. A product of two complex numbers
takes three products of real ones (Gauss), so that a tile takes 47 products for each pair of channels. A
kernel of 15 columns leaves 18 columns of a tile, which would take 270.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fad_core.runner.fast.spectral_kernels import BLOCK, convolve

_SPAN = 32
"""Columns of a tile. Longer ones take fewer products, and more memory for the weights: 71 for 48 columns."""
_CHUNK_BYTES = 2_000_000
"""Of the tiles and their products that are computed at a time: they stay in cache."""
_INPUTS_PER_TILE = 4
"""At least a tile for so many inputs is computed at a time: all weights are read each time."""

LONG_KERNELS = range(8, 17)
"""Lengths of kernels for which this is worthwhile."""

Array32 = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A convolution with a leaky ReLU behind it.

    Attributes:
        weight: float32 or float64 `[outputs, inputs, kernel]`, both channels multiples of `BLOCK`.
        bias: float32 or float64 `[outputs]`.
        stride: 1 or 2.
        padding: zeros on either side.
        slope: factor of negative values.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    padding: int
    slope: float


class SpectralConvolutions(nn.Module):
    """Successive convolutions, each with a leaky ReLU behind it."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        """Transform and pack the weights."""
        super().__init__()
        self._layers = [_PackedLayer(layer) for layer in layers]

    def extend(self, other: SpectralConvolutions) -> None:
        """Let the layers of another one follow."""
        self._layers += other._layers

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Turn `[N, inputs, T]` into `[N, outputs, T']`; a sequence's bits depend on no other sequence."""
        first = self._layers[0]
        length = sequence.shape[2]
        given = first.empty_input(len(sequence), length)
        _into_phases(sequence, given, first.padding)
        for layer, following in zip(self._layers, [*self._layers[1:], None], strict=True):
            length = layer.output_length(length)
            if following is None:
                out = np.empty((len(sequence), layer.out_blocks, 1, length, BLOCK), np.float32)
            else:
                out = following.empty_input(len(sequence), length)
            layer.convolve(given, length, 0 if following is None else following.padding, out)
            given = out
        return torch.from_numpy(given[:, :, 0]).transpose(2, 3).flatten(1, 2)


class _PackedLayer:
    """A layer with its transformed weights."""

    def __init__(self, layer: Layer) -> None:
        outputs, inputs, kernel = layer.weight.shape
        self.padding, self._stride, self._kernel = layer.padding, layer.stride, kernel
        # With a stride of 2, even and odd columns are sequences of their own, convolved with half a kernel.
        taps = -(-kernel // layer.stride)
        self._step = _SPAN - taps + 1
        self._forward, weights, self._inverse = _transforms(taps)
        self.blocks, self.out_blocks = inputs // BLOCK, outputs // BLOCK
        by_phase = torch.nn.functional.pad(layer.weight, (0, taps * layer.stride - kernel))
        # [outputs, blocks, channels of a block, taps, phases] to [blocks, phases, channels, outputs, taps]
        split = by_phase.reshape(outputs, self.blocks, BLOCK, taps, layer.stride).permute(1, 4, 2, 0, 3)
        rows = split.reshape(-1, self.out_blocks, BLOCK, taps).numpy()
        places, depth = len(weights), len(rows)
        panels = torch.empty((places, self.out_blocks, depth, BLOCK), dtype=torch.float32).numpy()
        for block in range(self.out_blocks):
            panels[:, block] = np.tensordot(weights, rows[:, block].astype(np.float64), (1, 2))
        self._panels: Array32 = panels.reshape(-1)
        self._bias, self._slope = layer.bias.float().numpy().copy(), np.float32(layer.slope)

    def output_length(self, length: int) -> int:
        """Return the number of columns that so many columns give."""
        return (length + 2 * self.padding - self._kernel) // self._stride + 1

    def empty_input(self, number: int, length: int) -> Array32:
        """Return zeros `[N, blocks, phases, columns, BLOCK]`, with room for padding and for whole tiles."""
        tiles = -(-self.output_length(length) // self._step)
        columns = max((tiles - 1) * self._step + _SPAN, -(-(length + 2 * self.padding) // self._stride))
        return np.zeros((number, self.blocks, self._stride, columns, BLOCK), np.float32)

    def convolve(self, given: Array32, length: int, offset: int, out: Array32) -> None:
        """Fill `out`; see `spectral_kernels.convolve`."""
        number, blocks, phases, columns, _ = given.shape
        places = len(self._forward)
        inputs, outputs = blocks * phases * BLOCK, self.out_blocks * BLOCK
        limit = max(_CHUNK_BYTES // (4 * places * (inputs + outputs)), inputs // _INPUTS_PER_TILE)
        count = min(limit, number * -(-length // self._step))
        # Rows of matrices that are whole pages apart would compete for one place of the cache: hence 16.
        tiles = torch.empty((places, count * inputs + 16), dtype=torch.float32).numpy()
        products = torch.empty(count * outputs * places, dtype=torch.float32).numpy()
        sequences = given.reshape(number, blocks * phases, columns, BLOCK)
        convolve(
            *(sequences, self._forward, self._panels, self._inverse, self._bias, self._slope),
            *(length, offset, tiles, products, out),
        )


def _into_phases(sequence: torch.Tensor, given: Array32, offset: int) -> None:
    """Copy `[N, C, T]` into `[N, B, phases, T', BLOCK]`, from a column of all phases on."""
    number, blocks, phases, _, _ = given.shape
    split = sequence.reshape(number, blocks, BLOCK, -1).transpose(2, 3).numpy()
    for phase in range(phases):
        first = (phase - offset) % phases
        taken = split[:, :, first::phases]
        column = (first + offset) // phases
        given[:, :, phase, column : column + taken.shape[2]] = taken


def _transforms(taps: int) -> tuple[Array32, NDArray[np.float64], Array32]:
    """Return the matrices of a tile's columns, of the kernel's, and back to the columns that are kept.

    With X = a + i b and the conjugate of the kernel's transform, c + i d, the product's parts are
    c (a + b) - b (c + d) and c (a + b) + a (d - c).
    """
    frequencies = np.arange(1, _SPAN // 2)[:, None]
    ends = np.array([[0], [_SPAN // 2]])

    def waves(columns: int) -> tuple[NDArray[np.float64], ...]:
        turn = 2 * np.pi / _SPAN * np.arange(columns)
        return np.cos(ends * turn), np.cos(frequencies * turn), np.sin(frequencies * turn)

    edge, cosine, sine = waves(_SPAN)
    forward = np.concatenate([edge, cosine - sine, cosine, -sine])
    edge, cosine, sine = waves(taps)
    kernel = np.concatenate([edge, cosine, sine - cosine, cosine + sine])
    edge, cosine, sine = waves(_SPAN - taps + 1)
    inverse = np.concatenate([edge, 2 * (cosine - sine), -2 * sine, -2 * cosine]) / _SPAN
    return forward.astype(np.float32), kernel, np.ascontiguousarray(inverse.T, dtype=np.float32)
