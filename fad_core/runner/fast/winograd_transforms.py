"""The transforms of Winograd's convolutions F(2×2, 3×3) and F(4×4, 3×3), image by image in tiles.

`narrow` is F(2×2, 3×3) of images that are two values wide. Beyond their edges is nothing but zeros, so that
across the image three products do what else takes four:

    y0 = w1 (x0 + x1) + (w2 - w1) x1,  y1 = w1 (x0 + x1) + (w0 - w1) x0

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv 1509.09308), whose matrices
B, G and A these are. Images are laid out channels last and cut into tiles of m × m outputs, row by row; a
tile reads (m + 2) × (m + 2) inputs, of which those beyond the image are zero. Inner loops run over channels,
many of which a processor takes at once.
"""

from __future__ import annotations

import numpy as np

from fad_core.util.jit import compiled

SLICE = 256
"""Channels of a tile at a time on the way out, so that what lies between the two passes stays in cache."""


@compiled
def weights_in_panels(weight, scale, down, aside, across, panels):  # type: ignore[no-untyped-def]
    """G g H^T of scaled weights `[outputs, inputs, 3, 3]`, by places of a tile, ordered as by `in_panels`.

    Args:
        weight: float32.
        scale: float32 `[outputs]`, that each output's weights are multiplied by.
        down: G, float64 `[rows, 3]`.
        aside: H, float64 `[columns, 3]`; G but for narrow images.
        across: outputs of a panel.
        panels: float32 `[rows * columns, outputs / across, inputs, across]`, where they are put.
    """
    rows, columns, inputs = len(down), len(aside), weight.shape[1]
    halves = np.empty((rows, 3, across))
    given = np.empty((3, 3, across))
    for panel in range(panels.shape[1]):
        for i in range(inputs):
            for lane in range(across):
                output = panel * across + lane
                for row in range(3):
                    for column in range(3):
                        given[row, column, lane] = weight[output, i, row, column] * scale[output]
            for row in range(rows):
                for column in range(3):
                    a, b, c = down[row]
                    for lane in range(across):
                        x, y, z = given[0, column, lane], given[1, column, lane], given[2, column, lane]
                        halves[row, column, lane] = a * x + b * y + c * z
            for row in range(rows):
                for column in range(columns):
                    a, b, c = aside[column]
                    for lane in range(across):
                        x, y, z = halves[row, 0, lane], halves[row, 1, lane], halves[row, 2, lane]
                        panels[row * columns + column, panel, i, lane] = a * x + b * y + c * z


@compiled
def to_tiles_2(image, height, width, channels, first, last, tiles, at):  # type: ignore[no-untyped-def]
    """B^T d B of rows of tiles.

    Args:
        image: float32 `[N * height * width * channels]`.
        height: of an image.
        width: of an image.
        channels: of an image.
        first: row of tiles, counted over all images.
        last: the one behind the last.
        tiles: float32 `[16, at least (at + P) * channels]`, to be filled: a matrix for each place.
        at: the first tile's row in these matrices.
    """
    down, across = -(-height // 2), -(-width // 2)
    row = width * channels
    nothing = np.zeros(row, np.float32)
    lines = np.zeros((4, (2 * across + 2) * channels), np.float32)
    for place in range(first, last):
        top = (place // down * height) * row
        y = 2 * (place % down) - 1
        x0 = image[top + y * row : top + (y + 1) * row] if y >= 0 else nothing
        x1 = image[top + (y + 1) * row : top + (y + 2) * row]
        x2 = image[top + (y + 2) * row : top + (y + 3) * row] if y + 2 < height else nothing
        x3 = image[top + (y + 3) * row : top + (y + 4) * row] if y + 3 < height else nothing
        inner = slice(channels, channels + row)
        _in_2(x0, x1, x2, x3, lines[0][inner], lines[1][inner], lines[2][inner], lines[3][inner])
        for column in range(across):
            to = (at + (place - first) * across + column) * channels
            target = slice(to, to + channels)
            left = 2 * column * channels
            for i in range(4):
                line = lines[i]
                _in_2(
                    line[left : left + channels],
                    line[left + channels : left + 2 * channels],
                    line[left + 2 * channels : left + 3 * channels],
                    line[left + 3 * channels : left + 4 * channels],
                    tiles[4 * i][target],
                    tiles[4 * i + 1][target],
                    tiles[4 * i + 2][target],
                    tiles[4 * i + 3][target],
                )


@compiled
def to_tiles_narrow(image, height, width, channels, first, last, tiles, at):  # type: ignore[no-untyped-def]
    """The same for tiles of 2 × 2 outputs that are as wide as the image, and 12 places."""
    down, row = -(-height // 2), width * channels
    nothing = np.zeros(row, np.float32)
    lines = np.zeros((4, row), np.float32)
    for place in range(first, last):
        top = (place // down * height) * row
        y = 2 * (place % down) - 1
        x0 = image[top + y * row : top + (y + 1) * row] if y >= 0 else nothing
        x1 = image[top + (y + 1) * row : top + (y + 2) * row]
        x2 = image[top + (y + 2) * row : top + (y + 3) * row] if y + 2 < height else nothing
        x3 = image[top + (y + 3) * row : top + (y + 4) * row] if y + 3 < height else nothing
        _in_2(x0, x1, x2, x3, lines[0], lines[1], lines[2], lines[3])
        to = (at + place - first) * channels
        for i in range(4):
            both = tiles[3 * i][to : to + channels]
            left = tiles[3 * i + 1][to : to + channels]
            right = tiles[3 * i + 2][to : to + channels]
            for c in range(channels):
                a, b = lines[i, c], lines[i, channels + c]
                both[c] = a + b
                left[c] = a
                right[c] = b


@compiled
def to_tiles_4(image, height, width, channels, first, last, tiles, at):  # type: ignore[no-untyped-def]
    """The same for tiles of 4 × 4 outputs and 36 places."""
    down, across = -(-height // 4), -(-width // 4)
    row = width * channels
    nothing = np.zeros(row, np.float32)
    lines = np.zeros((6, (4 * across + 2) * channels), np.float32)
    for place in range(first, last):
        top = (place // down * height) * row
        y = 4 * (place % down) - 1
        x0 = image[top + y * row : top + (y + 1) * row] if y >= 0 else nothing
        x1 = image[top + (y + 1) * row : top + (y + 2) * row]
        x2 = image[top + (y + 2) * row : top + (y + 3) * row] if y + 2 < height else nothing
        x3 = image[top + (y + 3) * row : top + (y + 4) * row] if y + 3 < height else nothing
        x4 = image[top + (y + 4) * row : top + (y + 5) * row] if y + 4 < height else nothing
        x5 = image[top + (y + 5) * row : top + (y + 6) * row] if y + 5 < height else nothing
        inner = slice(channels, channels + row)
        _in_4(
            x0,
            x1,
            x2,
            x3,
            x4,
            x5,
            lines[0][inner],
            lines[1][inner],
            lines[2][inner],
            lines[3][inner],
            lines[4][inner],
            lines[5][inner],
        )
        for column in range(across):
            to = (at + (place - first) * across + column) * channels
            target = slice(to, to + channels)
            left = 4 * column * channels
            for i in range(6):
                line = lines[i]
                _in_4(
                    line[left : left + channels],
                    line[left + channels : left + 2 * channels],
                    line[left + 2 * channels : left + 3 * channels],
                    line[left + 3 * channels : left + 4 * channels],
                    line[left + 4 * channels : left + 5 * channels],
                    line[left + 5 * channels : left + 6 * channels],
                    tiles[6 * i][target],
                    tiles[6 * i + 1][target],
                    tiles[6 * i + 2][target],
                    tiles[6 * i + 3][target],
                    tiles[6 * i + 4][target],
                    tiles[6 * i + 5][target],
                )


@compiled
def from_tiles_2(tiles, at, bias, relu, pool, height, width, first, last, image):  # type: ignore[no-untyped-def]
    """A^T m A of rows of tiles, and what comes behind the convolution.

    Args:
        tiles: float32 `[16, at least at + P, channels]`.
        at: the first tile's row.
        bias: float32 `[channels]`.
        relu: whether negative values become zero.
        pool: what is left of 2 × 2 values: 0 all of them, 1 their mean, 2 the largest.
        height: of an image, before pooling.
        width: likewise.
        first: row of tiles, counted over all images.
        last: the one behind the last.
        image: float32, `[N * height * width * channels]`, or with half the height and width (rounded
            down) if pooled; to be filled.
    """
    channels = len(bias)
    down, across = -(-height // 2), -(-width // 2)
    half = np.empty((2, 4, SLICE), np.float32)
    out = np.empty((4, SLICE), np.float32)
    for place in range(first, last):
        number, y = place // down, 2 * (place % down)
        for column in range(across):
            x = 2 * column
            tile = at + (place - first) * across + column
            for start in range(0, channels, SLICE):
                count = min(SLICE, channels - start)
                part = slice(start, start + count)
                for j in range(4):
                    _out_2(
                        tiles[j][tile][part],
                        tiles[4 + j][tile][part],
                        tiles[8 + j][tile][part],
                        tiles[12 + j][tile][part],
                        half[0, j][:count],
                        half[1, j][:count],
                    )
                for i in range(2):
                    _out_2(
                        half[i, 0][:count],
                        half[i, 1][:count],
                        half[i, 2][:count],
                        half[i, 3][:count],
                        out[2 * i][:count],
                        out[2 * i + 1][:count],
                    )
                spot = (number, y, x, height, width, channels, start, count)
                _put(out, 2, bias[part], relu, pool, spot, image)


@compiled
def from_tiles_narrow(  # type: ignore[no-untyped-def]
    tiles, at, bias, relu, pool, height, width, first, last, image
):
    """The same for tiles that are as wide as the image, and 12 places."""
    channels, down = len(bias), -(-height // 2)
    half = np.empty((2, 3, SLICE), np.float32)
    out = np.empty((4, SLICE), np.float32)
    for place in range(first, last):
        number, y = place // down, 2 * (place % down)
        tile = at + place - first
        for start in range(0, channels, SLICE):
            count = min(SLICE, channels - start)
            part = slice(start, start + count)
            for j in range(3):
                _out_2(
                    tiles[j][tile][part],
                    tiles[3 + j][tile][part],
                    tiles[6 + j][tile][part],
                    tiles[9 + j][tile][part],
                    half[0, j][:count],
                    half[1, j][:count],
                )
            for i in range(2):
                for c in range(count):
                    both = half[i, 0, c]
                    out[2 * i, c] = both + half[i, 2, c]
                    out[2 * i + 1, c] = both + half[i, 1, c]
            spot = (number, y, 0, height, width, channels, start, count)
            _put(out, 2, bias[part], relu, pool, spot, image)


@compiled
def from_tiles_4(tiles, at, bias, relu, pool, height, width, first, last, image):  # type: ignore[no-untyped-def]
    """The same for tiles of 4 × 4 outputs and 36 places."""
    channels = len(bias)
    down, across = -(-height // 4), -(-width // 4)
    half = np.empty((4, 6, SLICE), np.float32)
    out = np.empty((16, SLICE), np.float32)
    for place in range(first, last):
        number, y = place // down, 4 * (place % down)
        for column in range(across):
            x = 4 * column
            tile = at + (place - first) * across + column
            for start in range(0, channels, SLICE):
                count = min(SLICE, channels - start)
                part = slice(start, start + count)
                for j in range(6):
                    _out_4(
                        tiles[j][tile][part],
                        tiles[6 + j][tile][part],
                        tiles[12 + j][tile][part],
                        tiles[18 + j][tile][part],
                        tiles[24 + j][tile][part],
                        tiles[30 + j][tile][part],
                        half[0, j][:count],
                        half[1, j][:count],
                        half[2, j][:count],
                        half[3, j][:count],
                    )
                for i in range(4):
                    _out_4(
                        half[i, 0][:count],
                        half[i, 1][:count],
                        half[i, 2][:count],
                        half[i, 3][:count],
                        half[i, 4][:count],
                        half[i, 5][:count],
                        out[4 * i][:count],
                        out[4 * i + 1][:count],
                        out[4 * i + 2][:count],
                        out[4 * i + 3][:count],
                    )
                spot = (number, y, x, height, width, channels, start, count)
                _put(out, 4, bias[part], relu, pool, spot, image)


@compiled
def _put(out, side, bias, relu, pool, spot, image):  # type: ignore[no-untyped-def]
    """Finish a tile's outputs `[side², SLICE]`, and put them where they belong, if that is in the image."""
    number, y, x, height, width, channels, start, count = spot
    for k in range(side * side):
        _finish(out[k][:count], bias, relu)
    step = 2 if pool else 1
    tall, wide = height // step, width // step
    for i in range(side // step):
        for j in range(side // step):
            row, column = y // step + i, x // step + j
            if row < tall and column < wide:
                at = ((number * tall + row) * wide + column) * channels + start
                target = image[at : at + count]
                corner = step * (i * side + j)
                if pool:
                    down = corner + side
                    _pool(out[corner], out[corner + 1], out[down], out[down + 1], pool, target)
                else:
                    target[:] = out[corner][:count]


@compiled
def _in_2(x0, x1, x2, x3, o0, o1, o2, o3):  # type: ignore[no-untyped-def]
    for c in range(len(x0)):
        d0, d1, d2, d3 = x0[c], x1[c], x2[c], x3[c]
        o0[c] = d0 - d2
        o1[c] = d1 + d2
        o2[c] = d2 - d1
        o3[c] = d1 - d3


@compiled
def _in_4(x0, x1, x2, x3, x4, x5, o0, o1, o2, o3, o4, o5):  # type: ignore[no-untyped-def]
    two, four, five = np.float32(2.0), np.float32(4.0), np.float32(5.0)
    for c in range(len(x0)):
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
def _out_2(m0, m1, m2, m3, o0, o1):  # type: ignore[no-untyped-def]
    for c in range(len(m0)):
        a, b = m1[c] + m2[c], m1[c] - m2[c]
        o0[c] = m0[c] + a
        o1[c] = b - m3[c]


@compiled
def _out_4(m0, m1, m2, m3, m4, m5, o0, o1, o2, o3):  # type: ignore[no-untyped-def]
    two, four, eight = np.float32(2.0), np.float32(4.0), np.float32(8.0)
    for c in range(len(m0)):
        a, b, d, e = m1[c] + m2[c], m1[c] - m2[c], m3[c] + m4[c], m3[c] - m4[c]
        o0[c] = m0[c] + a + d
        o1[c] = b + two * e
        o2[c] = a + four * d
        o3[c] = b + eight * e + m5[c]


@compiled
def _finish(values, bias, relu):  # type: ignore[no-untyped-def]
    nothing = np.float32(0.0)
    for c in range(len(values)):
        value = values[c] + bias[c]
        # Not max(), which may lose NaN.
        values[c] = nothing if relu and value < nothing else value


@compiled
def _pool(a, b, c, d, how, target):  # type: ignore[no-untyped-def]
    quarter = np.float32(0.25)
    if how == 1:
        for i in range(len(target)):
            target[i] = (a[i] + b[i] + c[i] + d[i]) * quarter
    else:
        for i in range(len(target)):
            target[i] = _larger(_larger(a[i], b[i]), _larger(c[i], d[i]))


@compiled
def _larger(a, b):  # type: ignore[no-untyped-def]
    """Return the larger value, or NaN if either is NaN, where max() may return the other one."""
    return a if a > b or a != a else b
