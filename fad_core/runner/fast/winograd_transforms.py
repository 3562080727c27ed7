"""The transforms of Winograd's convolutions F(2×2, 3×3) and F(4×4, 3×3).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv 1509.09308), whose matrices
B, G and A these are. An image, channels last, is cut into tiles of m × m outputs, row by row; a tile depends
on (m + 2) × (m + 2) inputs, of which those beyond the image are zero. Here `side` is m, 2 or 4. A transform
applies a matrix to the columns of a tile and then to its rows; inner loops run over channels, so that they
can be vectorised.
"""

from __future__ import annotations

import numpy as np

from fad_core.util.jit import compiled

_SLICE = 256
"""Channels of a tile at a time on the way back, so that what lies between the two passes stays in cache."""


@compiled
def pack_weights(weight, scale, matrix, panels):  # type: ignore[no-untyped-def]
    """Compute G g G^T of weights `[outputs, inputs, 3, 3]`, packed as by `packed_gemm.pack` for each place.

    Args:
        weight: float32 g.
        scale: float32 `[outputs]`, factors of each output's weights.
        matrix: float64 `[side + 2, 3]`, G.
        panels: float32 `[(side + 2)², panels, inputs, outputs of a panel]`, to be filled.
    """
    size, inputs, across = len(matrix), weight.shape[1], panels.shape[3]
    halves = np.empty((size, 3, across))
    given = np.empty((3, 3, across))
    for panel in range(panels.shape[1]):
        for i in range(inputs):
            for lane in range(across):
                output = panel * across + lane
                for row in range(3):
                    for column in range(3):
                        given[row, column, lane] = weight[output, i, row, column] * scale[output]
            for row in range(size):
                a, b, c = matrix[row]
                for column in range(3):
                    for lane in range(across):
                        x, y, z = given[0, column, lane], given[1, column, lane], given[2, column, lane]
                        halves[row, column, lane] = a * x + b * y + c * z
            for row in range(size):
                for column in range(size):
                    a, b, c = matrix[column]
                    for lane in range(across):
                        x, y, z = halves[row, 0, lane], halves[row, 1, lane], halves[row, 2, lane]
                        panels[row * size + column, panel, i, lane] = a * x + b * y + c * z


@compiled
def image_to_tiles(side, image, height, width, channels, first, last, tiles, start):  # type: ignore[no-untyped-def]
    """Compute B^T d B of rows of tiles.

    Args:
        side: m.
        image: float32, flat `[N * height * width * channels]`.
        height: of an image.
        width: of an image.
        channels: of an image.
        first: number of the first row of tiles, counted over all N images.
        last: the number after that of the last row.
        tiles: float32 `[(side + 2)², at least (start + tiles) * channels]`, to be filled: a matrix for each
            place of a tile, with a row for each tile.
        start: the first tile's row in these matrices.
    """
    size = side + 2
    down, across = -(-height // side), -(-width // side)
    row, line = width * channels, (side * across + 2) * channels
    edge, halves = np.empty(size * row, np.float32), np.zeros(size * line, np.float32)
    flat, plane = tiles.reshape(-1), tiles.shape[1]
    for tile_row in range(first, last):
        top, y = tile_row // down * height, side * (tile_row % down) - 1
        source, begin = image, (top + y) * row
        if y < 0 or y + size > height:
            source, begin = edge, 0
            edge[:] = np.float32(0.0)
            low, high = max(y, 0), min(y + size, height)
            edge[(low - y) * row : (high - y) * row] = image[(top + low) * row : (top + high) * row]
        # The first column of `halves`, and those behind the image, stay zero.
        _transform_input(side, source, begin, row, halves, channels, line, row)
        for column in range(across):
            tile = (start + (tile_row - first) * across + column) * channels
            for i in range(size):
                left = i * line + side * column * channels
                _transform_input(side, halves, left, channels, flat, i * size * plane + tile, plane, channels)


@compiled
def tiles_to_image(side, tiles, start, bias, relu, pool, height, width, first, last, image):  # type: ignore[no-untyped-def]
    """Compute A^T m A of rows of tiles, add the bias, and apply what follows the convolution.

    Args:
        side: m.
        tiles: float32 `[(side + 2)², tiles, channels]`.
        start: the first tile's row.
        bias: float32 `[channels]`.
        relu: whether negative values become zero.
        pool: what is left of 2 × 2 values: 0 all of them, 1 their mean, 2 the largest.
        height: of an image, before pooling.
        width: of an image, before pooling.
        first: number of the first row of tiles, counted over all images.
        last: the number after that of the last row.
        image: float32, flat `[N * height * width * channels]`, or with half the height and width (rounded
            down) if pooled; to be filled.
    """
    size, channels = side + 2, len(bias)
    down, across = -(-height // side), -(-width // side)
    flat, plane = tiles.reshape(-1), tiles.shape[1] * channels
    halves, out = np.empty(side * size * _SLICE, np.float32), np.empty(side * side * _SLICE, np.float32)
    for tile_row in range(first, last):
        number, y = tile_row // down, side * (tile_row % down)
        for column in range(across):
            tile = (start + (tile_row - first) * across + column) * channels
            for channel in range(0, channels, _SLICE):
                count = min(_SLICE, channels - channel)
                for j in range(size):
                    begin = j * plane + tile + channel
                    _transform_output(
                        side, flat, begin, size * plane, halves, j * _SLICE, size * _SLICE, count
                    )
                for i in range(side):
                    begin = i * size * _SLICE
                    _transform_output(side, halves, begin, _SLICE, out, i * side * _SLICE, _SLICE, count)
                for k in range(side * side):
                    _add_bias(_part(out, k * _SLICE, 0, 0, count), bias[channel : channel + count], relu)
                place = (number, y, side * column, height, width, channels, channel, count)
                _put_tile(out, side, pool, place, image)


@compiled
def _put_tile(out, side, pool, place, image):  # type: ignore[no-untyped-def]
    """Copy a tile's outputs `[side², _SLICE]`, pooled, to their places, where these are in the image."""
    number, y, x, height, width, channels, channel, count = place
    step = 2 if pool else 1
    tall, wide = height // step, width // step
    for i in range(side // step):
        for j in range(side // step):
            row, column = y // step + i, x // step + j
            if row < tall and column < wide:
                begin = ((number * tall + row) * wide + column) * channels + channel
                target = image[begin : begin + count]
                corner = step * (i * side + j) * _SLICE
                if pool:
                    down = corner + side * _SLICE
                    _pool(
                        _part(out, corner, _SLICE, 0, count),
                        _part(out, corner, _SLICE, 1, count),
                        _part(out, down, _SLICE, 0, count),
                        _part(out, down, _SLICE, 1, count),
                        pool,
                        target,
                    )
                else:
                    target[:] = _part(out, corner, 0, 0, count)


@compiled
def _part(values, start, step, number, count):  # type: ignore[no-untyped-def]
    """Return the `number`-th of several stretches of `count` values, `step` apart."""
    begin = start + number * step
    return values[begin : begin + count]


@compiled
def _transform_input(side, x, x_start, x_step, out, out_start, out_step, count):  # type: ignore[no-untyped-def]
    """Apply B^T to `side + 2` stretches of `count` values each, which gives as many stretches."""
    x0, x1 = _part(x, x_start, x_step, 0, count), _part(x, x_start, x_step, 1, count)
    x2, x3 = _part(x, x_start, x_step, 2, count), _part(x, x_start, x_step, 3, count)
    o0, o1 = _part(out, out_start, out_step, 0, count), _part(out, out_start, out_step, 1, count)
    o2, o3 = _part(out, out_start, out_step, 2, count), _part(out, out_start, out_step, 3, count)
    if side == 2:
        for c in range(count):
            d0, d1, d2, d3 = x0[c], x1[c], x2[c], x3[c]
            o0[c] = d0 - d2
            o1[c] = d1 + d2
            o2[c] = d2 - d1
            o3[c] = d1 - d3
        return
    x4, x5 = _part(x, x_start, x_step, 4, count), _part(x, x_start, x_step, 5, count)
    o4, o5 = _part(out, out_start, out_step, 4, count), _part(out, out_start, out_step, 5, count)
    two, four, five = np.float32(2.0), np.float32(4.0), np.float32(5.0)
    for c in range(count):
        d0, d1, d2, d3, d4, d5 = x0[c], x1[c], x2[c], x3[c], x4[c], x5[c]
        a, b = d4 - four * d2, d3 - four * d1
        e, f = d4 - d2, two * (d3 - d1)
        o0[c] = four * d0 - five * d2 + d4
        o1[c] = a + b
        o2[c] = a - b
        o3[c] = e + f
        o4[c] = e - f
        o5[c] = four * d1 - five * d3 + d5


@compiled
def _transform_output(side, x, x_start, x_step, out, out_start, out_step, count):  # type: ignore[no-untyped-def]
    """Apply A^T to `side + 2` stretches of `count` values each, which gives `side` stretches."""
    m0, m1 = _part(x, x_start, x_step, 0, count), _part(x, x_start, x_step, 1, count)
    m2, m3 = _part(x, x_start, x_step, 2, count), _part(x, x_start, x_step, 3, count)
    o0, o1 = _part(out, out_start, out_step, 0, count), _part(out, out_start, out_step, 1, count)
    if side == 2:
        for c in range(count):
            a, b = m1[c] + m2[c], m1[c] - m2[c]
            o0[c] = m0[c] + a
            o1[c] = b - m3[c]
        return
    m4, m5 = _part(x, x_start, x_step, 4, count), _part(x, x_start, x_step, 5, count)
    o2, o3 = _part(out, out_start, out_step, 2, count), _part(out, out_start, out_step, 3, count)
    two, four, eight = np.float32(2.0), np.float32(4.0), np.float32(8.0)
    for c in range(count):
        a, b, d, e = m1[c] + m2[c], m1[c] - m2[c], m3[c] + m4[c], m3[c] - m4[c]
        o0[c] = m0[c] + a + d
        o1[c] = b + two * e
        o2[c] = a + four * d
        o3[c] = b + eight * e + m5[c]


@compiled
def _add_bias(values, bias, relu):  # type: ignore[no-untyped-def]
    """Add the bias to values, in place, and make negative ones zero if `relu`."""
    zero = np.float32(0.0)
    for c in range(len(values)):
        value = values[c] + bias[c]
        # Not max(), which may lose NaN.
        values[c] = zero if relu and value < zero else value


@compiled
def _pool(a, b, c, d, kind, target):  # type: ignore[no-untyped-def]
    """Put the mean (`kind` 1) or the largest (2) of four values each into `target`."""
    quarter = np.float32(0.25)
    if kind == 1:
        for i in range(len(target)):
            target[i] = (a[i] + b[i] + c[i] + d[i]) * quarter
    else:
        for i in range(len(target)):
            target[i] = _larger(_larger(a[i], b[i]), _larger(c[i], d[i]))


@compiled
def _larger(a, b):  # type: ignore[no-untyped-def]
    """Return the larger value, or NaN if either is NaN, where max() may return the other one."""
    return a if a > b or a != a else b
