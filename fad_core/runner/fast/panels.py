"""Rows times a matrix that lies in panels: products alone, convolutions over time, attention, LSTM layers.

With its channels last in memory, what a convolution over time reads for one output is one stretch of the
sequence, so a convolution is a product of overlapping rows by a matrix. A panel holds the weights of as many
outputs as a row of registers does, input by input, so that the innermost loop reads it from its beginning to
its end (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34, 2008).

The products of an output are added up one after the other, and these sums to its bias: it has the same bits
in whatever company it is computed. All of it is one file, because a compiled function is kept for the next
process by the file that it stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic
from numpy.typing import NDArray

from fad_core.util.jit import fused

_ir: Any = cgutils
_FEATURES: str = config.CPU_FEATURES or codegen.get_host_cpu_features()  # type: ignore[attr-defined, no-untyped-call]
LANES = next((lanes for name, lanes in (("+avx512f", 16), ("+avx,", 8)) if name in f"{_FEATURES},"), 4)
"""float32 values in a register."""
_MOST = 4 if LANES == 16 else 2
"""Registers of outputs in a panel, at most: x86 processors have 32 registers of sixteen values, or 16."""
_DEPTH = 256
"""Inputs of a panel at a time. Their products are a sum of their own: one of them all would be as fast, and
twice as far from the exact one."""
_AHEAD = 1024
"""How far ahead weights are asked for, counted in values."""
_LINE = 16
"""Values that lie in one line of a cache."""
PARTS = 16
"""A softmax finds the largest value and the sum of its row in so many parts, on all processors."""
_TILE = 1 << 17
"""Inputs of a convolution at a time, counted in values: with the weights, what a core's own cache holds."""
# Cody and Waite's two parts of ln 2, and the least exponent that a float32 has.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOG2_E = np.float32(1.442695041)
_LEAST = np.float32(-87.0)
# exp(-64) adds nothing to 1, and its products are normal numbers; those of exp(-87) take many times as long.
_FAR = np.float32(-64.0)
_ONE, _TWO, _HALF, _ZERO = np.float32(1.0), np.float32(2.0), np.float32(0.5), np.float32(0.0)


@fused
def width(outputs):  # type: ignore[no-untyped-def]
    """Registers of outputs in a panel: `_MOST`, 2 or 1; 0 if so many outputs do not fill panels."""
    for registers in (_MOST, 2, 1):
        if outputs % (registers * LANES) == 0:
            return registers
    return 0


def in_panels(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put a matrix `[outputs, inputs]` in the order in which `multiply` reads it; returns where it lies."""
    outputs, inputs = weight.shape
    across = width(outputs) * LANES
    # PyTorch's memory begins where a cache line does; NumPy's does not, and registers are read in two halves.
    panels: NDArray[np.float32] = torch.empty(weight.size).numpy()
    panels.reshape(-1, inputs, across)[:] = weight.reshape(-1, across, inputs).swapaxes(1, 2)
    return panels


def _product(heights: Sequence[int], registers: int) -> Any:
    """A function that adds the products of inputs and a panel to rows of sums.

    It takes as many rows at a time as one of the heights says, the largest that is left first. Called with
    inputs, the place of the first row in them, from row to row; rows; the panel, its place; what is added to,
    its place, from row to row; the sums, likewise; count of inputs.
    """

    @intrinsic
    def product(_, inputs, at, step, rows, panel, start, old, old_at, old_step, sums, to, stride, count):  # type: ignore[no-untyped-def]
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            inputs, at, step, rows, panel, start, old, *old_at, sums, to, stride, count = (
                context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, values, strict=True)
            )
            moving = [
                (_ir.alloca_once_value(builder, place), by)
                for place, by in ((at, step), (to, stride), tuple(old_at))
            ]
            left = _ir.alloca_once_value(builder, rows)
            for height in heights:
                asked, body, behind = (builder.append_basic_block() for _ in range(3))
                builder.branch(asked)
                builder.position_at_end(asked)
                remaining = builder.load(left)
                # One or two rows take as long as three: where three can be left, no fewer are.
                least = 3 if height > 3 and 3 in heights else 0
                enough = builder.or_(
                    builder.icmp_signed("==", remaining, _SIZE(height)),
                    builder.icmp_signed(">=", remaining, _SIZE(height + least)),
                )
                builder.cbranch(enough, body, behind)
                builder.position_at_end(body)
                reads, writes, adds = (
                    [builder.add(builder.load(place), builder.mul(by, _SIZE(row))) for row in range(height)]
                    for place, by in moving
                )
                _block(
                    builder,
                    [builder.gep(inputs, [place]) for place in reads],
                    builder.gep(panel, [start]),
                    [builder.gep(old, [place]) for place in adds],
                    [builder.gep(sums, [place]) for place in writes],
                    count,
                    registers,
                )
                for place, by in moving:
                    builder.store(builder.add(builder.load(place), builder.mul(by, _SIZE(height))), place)
                builder.store(builder.sub(builder.load(left), _SIZE(height)), left)
                builder.branch(asked)
                builder.position_at_end(behind)
            return context.get_dummy_value()

        given = (inputs, at, step, rows, panel, start, old, old_at, old_step, sums, to, stride, count)
        return types.void(*given), code

    return product


def _block(
    builder: Any, reads: list[Any], panel: Any, adds: list[Any], writes: list[Any], count: Any, registers: int
) -> None:
    """The loop over the inputs of a few rows, whose sums stay in registers.

    Takes pointers to what each row reads, adds to, and writes.
    """
    vector = ir.VectorType(ir.FloatType(), LANES)
    spread = ir.Constant(ir.VectorType(_INT, LANES), [0] * LANES)

    def registers_at(pointer: Any) -> list[Any]:
        return [
            builder.bitcast(builder.gep(pointer, [_SIZE(LANES * each)]), vector.as_pointer())
            for each in range(registers)
        ]

    before, loop, behind = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_SIZE)
    k.add_incoming(_SIZE(0), before)
    values = [builder.phi(vector) for _ in range(len(reads) * registers)]
    line = builder.gep(panel, [builder.mul(k, _SIZE(registers * LANES))])
    weights = [builder.load(place, align=4) for place in registers_at(line)]
    # Weights that come from memory are asked for some time before they are needed.
    byte = ir.IntType(8).as_pointer()
    ask = _ir.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT]), "llvm.prefetch.p0"
    )
    for each in range(0, registers * LANES, _LINE):
        ahead = builder.gep(line, [_SIZE(each + _AHEAD)])
        builder.call(ask, [builder.bitcast(ahead, byte), _INT(0), _INT(2), _INT(1)])
    # One rounding for a product and its sum, where the processor can.
    fused_sum = _ir.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
    )
    sums: list[Any] = []
    for read in reads:
        one = builder.insert_element(
            ir.Constant(vector, ir.Undefined), builder.load(builder.gep(read, [k])), _INT(0)
        )
        everywhere = builder.shuffle_vector(one, one, spread)
        for weight in weights:
            sums.append(builder.call(fused_sum, [weight, everywhere, values[len(sums)]]))
    following = builder.add(k, _SIZE(1))
    k.add_incoming(following, loop)
    for value, made in zip(values, sums, strict=True):
        value.add_incoming(ir.Constant(vector, [0.0] * LANES), before)
        value.add_incoming(made, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, behind)
    builder.position_at_end(behind)
    # The products alone are added up first: a sum of sums rounds less than one long sum.
    old, new = ([place for row in rows for place in registers_at(row)] for rows in (adds, writes))
    for made, add, write in zip(sums, old, new, strict=True):
        builder.store(builder.fadd(builder.load(add, align=4), made), write, align=4)


_INT, _SIZE = ir.IntType(32), ir.IntType(64)
# Of 32 registers, more rows would need more for their places than there are. Of 16, sums of six rows leave
# too few for what they are made of: LLVM keeps some in memory, and takes 1.4 times as long as with five.
_pair = _product((8, 4, 2, 1) if _MOST == 4 else (5, 4, 3, 2, 1), 2)
_full = _product((6, 5, 4, 3, 2, 1), 4) if _MOST == 4 else _pair
_single = _product((12, 4, 1) if _MOST == 4 else (10, 5, 1), 1)
_ROWS = 24
"""Rows of a tile are a multiple of it, on all processors, since a norm's sums begin anew with each tile."""


@fused
def multiply(inputs, at, step, rows, depth, panels, outputs, old, old_at, old_step, sums, to):  # type: ignore[no-untyped-def]
    """Add to `rows` rows of `outputs` values the products of `depth` inputs each.

    Args:
        inputs: float32, flat.
        at: place of the first row's inputs.
        step: from one row's inputs to the next one's.
        rows: how many.
        depth: inputs of a row.
        panels: the matrix, by `in_panels`.
        outputs: of a row.
        old: float32, flat: what is added to.
        old_at: place of the first row in it.
        old_step: from one row to the next one; 0 if all have the same.
        sums: float32, flat: the result; may be `old`.
        to: place of the first row in it; the others follow.
    """
    registers = width(outputs)
    for start in range(0, depth, _DEPTH):
        count = min(_DEPTH, depth - start)
        if start > 0:
            old, old_at, old_step = sums, to, outputs
        for column in range(0, outputs, registers * LANES):
            a, p = at + start, column * depth + start * registers * LANES
            o, s = old_at + column, to + column
            if registers == _MOST:
                _full(inputs, a, step, rows, panels, p, old, o, old_step, sums, s, outputs, count)
            elif registers == 2:
                _pair(inputs, a, step, rows, panels, p, old, o, old_step, sums, s, outputs, count)
            else:
                _single(inputs, a, step, rows, panels, p, old, o, old_step, sums, s, outputs, count)


@fused
def multiply_rows(rows, panels, bias, sums):  # type: ignore[no-untyped-def]
    """The products of rows with a matrix.

    Args:
        rows: float32 `[N, inputs]`.
        panels: weights `[outputs, inputs]`, by `in_panels`.
        bias: `[outputs]`, added to them.
        sums: `[N, outputs]`, to be filled.
    """
    count, depth = rows.shape
    multiply(rows.reshape(-1), 0, depth, count, depth, panels, sums.shape[1], bias, 0, 0, sums.reshape(-1), 0)


@fused
def multiply_places(tiles, count, inputs, panels, outputs, products):  # type: ignore[no-untyped-def]
    """The products of many matrices with one of weights each.

    Args:
        tiles: float32 `[places, at least count * inputs]`.
        count: rows of each matrix.
        inputs: of a row.
        panels: `[places, outputs * inputs]`, each by `in_panels`.
        outputs: of a row.
        products: `[places, count, outputs]`, to be filled.
    """
    nothing = np.zeros(outputs, np.float32)
    for place in range(len(tiles)):
        made = products[place].reshape(-1)
        multiply(tiles[place], 0, inputs, count, inputs, panels[place], outputs, nothing, 0, 0, made, 0)


@fused
def convolve(before, middle, behind, activated, panels, bias, kernel, stride, onto, moments, sums):  # type: ignore[no-untyped-def]
    """Convolve a sequence that comes in three pieces.

    Args:
        before: float32 `[T1, inputs]`.
        middle: `[T2, inputs]`.
        behind: `[T3, inputs]`.
        activated: whether the convolution hears the sequence's ELU.
        panels: weights `[outputs, kernel * inputs]`, by `in_panels`.
        bias: `[outputs]`.
        kernel: columns of the sequence that an output hears.
        stride: columns from one output to the next.
        onto: whether the products are added to what stands in `sums`, instead of to the bias.
        moments: float64 `[2]`, to which the result's sum and sum of squares are added; empty: they are not.
        sums: `[T, outputs]`, the result.
    """
    inputs, (length, outputs) = middle.shape[1], sums.shape
    first, second = len(before), len(before) + len(middle)
    to, given, early, late = sums.reshape(-1), middle.reshape(-1), before.reshape(-1), behind.reshape(-1)
    # Rows are left over at the end alone.
    tile = max(_TILE // (stride * inputs) // _ROWS * _ROWS, _ROWS)
    heard = np.empty(((tile - 1) * stride + kernel) * inputs, np.float32)
    part, squares = np.empty(256, np.float32), np.empty(256, np.float32)
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        begin, end = start * stride, (stop - 1) * stride + kernel
        source, at = given, (begin - first) * inputs
        if activated or begin < first or end > second:
            source, at = heard, 0
            _hear(early, begin * inputs, end * inputs, 0, activated, heard)
            _hear(given, begin * inputs, end * inputs, first * inputs, activated, heard)
            _hear(late, begin * inputs, end * inputs, second * inputs, activated, heard)
        old, old_at, old_step = (to, start * outputs, outputs) if onto else (bias, 0, 0)
        multiply(
            source,
            at,
            stride * inputs,
            stop - start,
            kernel * inputs,
            panels,
            outputs,
            old,
            old_at,
            old_step,
            to,
            start * outputs,
        )
        if len(moments):
            _gather(to[start * outputs : stop * outputs], part, squares, moments)


@fused
def _hear(piece, begin, end, at, activated, heard):  # type: ignore[no-untyped-def]
    """Copy what of a flat piece, which stands at `at`, lies between `begin` and `end`, or its ELU.

    The ELU is x where x > 0, else exp(x) - 1.
    """
    low, high = max(begin, at), min(end, at + len(piece))
    if low >= high:
        return
    source, target = piece[low - at : high - at], heard[low - begin : high - begin]
    if not activated:
        target[:] = source
        return
    for i in range(len(source)):
        x = source[i]
        made = _grown(min(max(x, _LEAST), _ZERO))
        target[i] = made if x <= _ZERO else x


@fused
def _gather(values, part, squares, moments):  # type: ignore[no-untyped-def]
    """Add up flat values and their squares: float32 over sixteen of them, float64 over all."""
    wide = len(part)
    for start in range(0, len(values), 16 * wide):
        part[:] = _ZERO
        squares[:] = _ZERO
        for line in range(start, min(start + 16 * wide, len(values)), wide):
            block = values[line : line + wide]
            for i in range(len(block)):
                part[i] += block[i]
                squares[i] += block[i] * block[i]
        for i in range(wide):
            moments[0] += part[i]
            moments[1] += squares[i]


@fused
def normalise(values, moments, gain, offset, epsilon):  # type: ignore[no-untyped-def]
    """Bring values `[T, C]`, of known sum and sum of squares, to mean 0 and variance 1, and scale them."""
    length, channels = values.shape
    count = length * channels
    mean = moments[0] / count
    scale = 1.0 / np.sqrt(max(moments[1] / count - mean * mean, 0.0) + epsilon)
    factor, shift = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for c in range(channels):
        factor[c] = gain[c] * scale
        shift[c] = offset[c] - mean * scale * gain[c]
    for t in range(length):
        for c in range(channels):
            values[t, c] = values[t, c] * factor[c] + shift[c]


@intrinsic
def _power(_, _exponent):  # type: ignore[no-untyped-def]
    """2 to the power of a float32 that is whole, from -126 to 127."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        biased = builder.add(builder.fptosi(given[0], _INT), _INT(127))
        return builder.bitcast(builder.shl(biased, _INT(23)), ir.FloatType())

    return types.float32(types.float32), code


@fused
def _parted(x):  # type: ignore[no-untyped-def]
    """exp(r) - 1 and 2^n, where x = n ln 2 + r, for x from -87 to 87.

    The polynomial is the Taylor series, whose next term is below 2e-9 for r within ±ln 2 / 2.
    """
    n = np.floor(x * _LOG2_E + _HALF)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + _HALF
    return p * r * r + r, _power(n)  # type: ignore[call-arg]


@fused
def _grown(x):  # type: ignore[no-untyped-def]
    """exp(x) - 1 for x from -87 to 87."""
    p, power = _parted(x)
    return p * power + (power - _ONE)


@fused
def _raised(x):  # type: ignore[no-untyped-def]
    """exp(x) for x from -87 to 87."""
    p, power = _parted(x)
    return p * power + power


@fused
def attend(heard, scale, added, kinds, result):  # type: ignore[no-untyped-def]
    """Attention among the tokens of each window (Vaswani et al. 2017, arXiv 1706.03762, equation 1).

    Args:
        heard: float32 `[windows, tokens, 3, heads, size]`: queries, keys and values.
        scale: float32, that their products are multiplied by.
        added: `[kinds, heads, tokens, tokens]`, added to them.
        kinds: int64: the kind of each window, in turn.
        result: `[windows, tokens, heads, size]`, to be filled.
    """
    windows, tokens, _, heads, size = heard.shape
    across, filled = width(tokens) * LANES, -(-size // (2 * LANES)) * 2 * LANES
    wide = width(filled) * LANES
    queries, step = heard.reshape(-1), 3 * heads * size
    keys = np.empty((tokens // across, size, across), np.float32)
    values = np.zeros((filled // wide, tokens, wide), np.float32)
    weights, mixed = np.empty((tokens, tokens), np.float32), np.empty((tokens, filled), np.float32)
    shares, part = np.empty(tokens, np.float32), np.empty(PARTS, np.float32)
    flat, nothing = weights.reshape(-1), np.zeros(filled, np.float32)
    for window in range(windows):
        for head in range(heads):
            _fill(keys, heard[window, :, 1, head], scale)
            _fill(values, heard[window, :, 2, head].T, _ONE)
            at, more = window * tokens * step + head * size, added[kinds[window % len(kinds)], head]
            multiply(
                *(queries, at, step, tokens, size, keys.reshape(-1), tokens),
                *(more.reshape(-1), 0, tokens, flat, 0),
            )
            for token in range(tokens):
                shares[token] = _ONE / _soften(weights[token], part)
            multiply(
                *(flat, 0, tokens, tokens, tokens, values.reshape(-1), filled),
                *(nothing, 0, 0, mixed.reshape(-1), 0),
            )
            for token in range(tokens):
                out = result[window, token, head]
                for i in range(size):
                    out[i] = mixed[token, i] * shares[token]


@fused
def _fill(panels, weight, factor):  # type: ignore[no-untyped-def]
    """Put weights `[outputs, inputs]`, scaled, in panels `[…, inputs, outputs of a panel]`."""
    across = panels.shape[2]
    for first in range(0, len(weight), across):
        panel = panels[first // across]
        for output in range(first, min(first + across, len(weight))):
            row = weight[output]
            for i in range(len(row)):
                panel[i, output - first] = row[i] * factor


@fused
def _soften(row, part):  # type: ignore[no-untyped-def]
    """Turn values, a multiple of `PARTS`, into exp of their distances to the largest; returns their sum."""
    for i in range(PARTS):
        part[i] = row[i]
    for start in range(PARTS, len(row), PARTS):
        for i in range(PARTS):
            part[i] = _larger(row[start + i], part[i])
    half = PARTS // 2
    while half > 0:
        for i in range(half):
            part[i] = _larger(part[i + half], part[i])
        half //= 2
    largest = part[0]
    for i in range(len(row)):
        # A value that is no number, and that the largest passed over, is still none here.
        x = row[i] - largest
        made = _raised(_larger(_LEAST, x))
        row[i] = _ZERO if x < _FAR else made
    for i in range(PARTS):
        part[i] = row[i]
    for start in range(PARTS, len(row), PARTS):
        for i in range(PARTS):
            part[i] += row[start + i]
    half = PARTS // 2
    while half > 0:
        for i in range(half):
            part[i] += part[i + half]
        half //= 2
    return part[0]


@fused
def _larger(a, b):  # type: ignore[no-untyped-def]
    """`b`, unless `a` is larger: where `b` is no number, so is the result."""
    return a if a > b else b


@fused
def remember(inputs, counts, panels_in, bias, panels_on, hidden, cell, outputs):  # type: ignore[no-untyped-def]
    """One LSTM layer over sequences in step (Hochreiter and Schmidhuber 1997, with a forget gate).

    Args:
        inputs: float32 `[sum(counts), H]`: the sequences' first columns, then their second ones, …; longer
            sequences stand before shorter ones.
        counts: int64 `[T]`, how many of the sequences have a t-th column.
        panels_in: weights of the inputs, `[4 H, H]`, by `in_panels`.
        bias: `[4 H]`.
        panels_on: weights of the hidden state, likewise.
        hidden: `[sequences, H]`, the states before, and then those behind.
        cell: likewise.
        outputs: float32 `[sum(counts), H]`, the hidden states.
    """
    size = inputs.shape[1]
    wide = 4 * size
    given, state, flat = inputs.reshape(-1), hidden.reshape(-1), np.empty(len(inputs) * wide, np.float32)
    gates = flat.reshape(len(inputs), wide)
    multiply(given, 0, size, len(inputs), size, panels_in, wide, bias, 0, 0, flat, 0)
    first = 0
    for t in range(len(counts)):
        count, at = counts[t], first * wide
        multiply(state, 0, size, count, size, panels_on, wide, flat, at, wide, flat, at)
        for row in range(count):
            _turn(gates[first + row], cell[row], hidden[row])
            outputs[first + row] = hidden[row]
        first += count


@fused
def _turn(gates, cell, hidden):  # type: ignore[no-untyped-def]
    """One step from the gates' sums `[4 H]`: input gate, forget gate, what is let in, output gate."""
    size = len(cell)
    let_in, kept, new, out = (
        gates[:size],
        gates[size : 2 * size],
        gates[2 * size : 3 * size],
        gates[3 * size :],
    )
    for i in range(size):
        cell[i] = _sigmoid(kept[i]) * cell[i] + _sigmoid(let_in[i]) * _tanh(new[i])
    for i in range(size):
        hidden[i] = _sigmoid(out[i]) * _tanh(cell[i])


@fused
def _sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x))."""
    return _ONE / (_TWO + _grown(min(max(-x, _LEAST), -_LEAST)))


@fused
def _tanh(x):  # type: ignore[no-untyped-def]
    """The hyperbolic tangent: with e = exp(-2 |x|) - 1, it is -e / (2 + e), and the sign of x."""
    e = _grown(max(-_TWO * abs(x), _LEAST))
    return np.copysign(-e / (_TWO + e), x)
