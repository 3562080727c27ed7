"""Compiled function: a long convolution over time, by products of spectra of short overlapping tiles."""

from __future__ import annotations

import numpy as np

from fad_core.runner.fast.packed_gemm import DEPTH, LANES, MAX_REGISTERS, by_full_panel
from fad_core.util.jit import compiled_with_fma

BLOCK = MAX_REGISTERS * LANES
"""Channels that lie beside each other: those of a panel (`packed_gemm`)."""
_ZERO = np.float32(0.0)


@compiled_with_fma
def convolve(given, forward, panels, inverse, bias, slope, length, offset, tiles, products, out):  # type: ignore[no-untyped-def]
    """Convolve, add the bias, and multiply negative values by a slope.

    Each of the three steps is a matrix product: of `forward` and the columns of a tile, of the values of all
    tiles at one place and the weights there, and of `inverse` and a tile's products.

    Args:
        given: float32 `[N, blocks, columns, BLOCK]`; the columns of all tiles are in it.
        forward: float32 `[places, columns of a tile]`.
        panels: weights `[places, output blocks, blocks * BLOCK, BLOCK]`, flat.
        inverse: float32 `[outputs of a tile, places]`.
        bias: float32 `[output blocks * BLOCK]`.
        slope: factor of negative values.
        length: columns of the result.
        offset: column of `out` at which the result starts.
        tiles: float32 `[places, at least blocks * BLOCK for each tile]`, to work with; its size decides how
            many tiles are computed at a time.
        products: float32, flat, to work with: `output blocks * BLOCK * places` for each tile.
        out: float32 `[N, output blocks, phases, columns, BLOCK]`, to be filled: column i of it is column
            i // phases of phase i % phases. Columns before and behind the result are left as they are.
    """
    number, blocks, columns, _ = given.shape
    _, out_blocks, phases, out_columns, _ = out.shape
    (places, span), step = forward.shape, len(inverse)
    inputs, tile_step = blocks * BLOCK, out_blocks * places * BLOCK
    per_sequence = -(-length // step)
    most = min(tiles.shape[1] // inputs, len(products) // tile_step)
    flat, a, result = given.reshape(-1), tiles.reshape(-1), out.reshape(-1)
    to_spectra, from_spectra = forward.reshape(-1), inverse.reshape(-1)
    zeros = np.zeros(BLOCK, np.float32)
    for first in range(0, number * per_sequence, most):
        count = min(most, number * per_sequence - first)
        for tile in range(count):
            sequence, place_in_time = divmod(first + tile, per_sequence)
            for block in range(blocks):
                start = ((sequence * blocks + block) * columns + place_in_time * step) * BLOCK
                by_full_panel(
                    *(to_spectra, 0, span, places, flat, start, zeros, 0, 0),
                    *(a, tile * inputs + block * BLOCK, tiles.shape[1], span),
                )
        for place in range(places):
            for block in range(out_blocks):
                target = (block * places + place) * BLOCK
                panel = (place * out_blocks + block) * inputs * BLOCK
                for begin in range(0, inputs, DEPTH):
                    rows = place * tiles.shape[1] + begin
                    depth = min(DEPTH, inputs - begin)
                    if begin == 0:
                        by_full_panel(
                            *(a, rows, inputs, count, panels, panel, zeros, 0, 0),
                            *(products, target, tile_step, depth),
                        )
                    else:
                        by_full_panel(
                            *(a, rows, inputs, count, panels, panel + begin * BLOCK),
                            *(products, target, tile_step, products, target, tile_step, depth),
                        )
        for tile in range(count):
            sequence, place_in_time = divmod(first + tile, per_sequence)
            start = place_in_time * step
            for block in range(out_blocks):
                for phase in range(min(phases, length - start)):
                    values = (min(step, length - start) - phase + phases - 1) // phases
                    column, into = divmod(start + phase + offset, phases)
                    target = (
                        ((sequence * out_blocks + block) * phases + into) * out_columns + column
                    ) * BLOCK
                    by_full_panel(
                        *(from_spectra, phase * places, phases * places, values),
                        *(products, tile * tile_step + block * places * BLOCK, bias, block * BLOCK, 0),
                        *(result, target, BLOCK, places),
                    )
                    for value in range(target, target + values * BLOCK):
                        if not result[value] > _ZERO:
                            result[value] *= slope
