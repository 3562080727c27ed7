"""Products of the rows of a sequence by a matrix that lies in panels: convolutions over time, and LSTM layers.

With its channels last in memory, what a convolution over time reads for one output is one stretch of the
sequence, so a convolution is a product of overlapping rows by a matrix. A panel holds the weights of as many
outputs as a row of registers does, input by input, so that the innermost loop reads it from its beginning to
its end (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34, 2008).

Every output is its bias and then the products of its inputs, added one after the other: it has the same bits
in whatever company it is computed. All of it is one file, because a compiled function is kept for the next
process by the file that it stands in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import codegen, config
from numba.extending import intrinsic
from numpy.typing import NDArray

from fad_core.kernels.compiled import compiled

FEATURES: str = codegen.get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
"""What the processor has, as LLVM calls it."""
LANES = next((lanes for name, lanes in (("+avx512f", 16), ("+avx,", 8)) if name in f"{FEATURES},"), 4)
"""float32 values in a register."""
_SUMS = 24 if LANES == 16 else 12
"""Registers with sums: of 32, or of 16."""
_DEPTH = 512
"""Inputs of a panel at a time: with four registers of outputs, 128 kB of weights, which a core's own cache
holds."""
_TILE = 1 << 17
"""Inputs of a convolution at a time, counted in values, for the same cache."""
_BLOCK = 1024
"""Values at a time: what a pass over them leaves is in the cache for the next one."""
# Cody and Waite's two parts of ln 2, and the least exponent that a float32 has.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOG2_E = np.float32(1.442695041)
_LEAST = np.float32(-87.0)
_ONE, _TWO, _HALF, _ZERO = np.float32(1.0), np.float32(2.0), np.float32(0.5), np.float32(0.0)


def width(outputs: int) -> int:
    """Registers of outputs in a panel: 4, 2 or 1; 0 if so many outputs do not fill panels."""
    return next((each for each in (4, 2, 1) if outputs % (each * LANES) == 0), 0)


def in_panels(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put a matrix `[outputs, inputs]` in the order in which `multiply` reads it."""
    outputs, inputs = weight.shape
    across = width(outputs) * LANES
    # PyTorch's memory begins where a cache line does; from NumPy's, every register would be read in two halves.
    panels: NDArray[np.float32] = torch.empty(weight.size).numpy()
    panels.reshape(-1, inputs, across)[:] = weight.reshape(-1, across, inputs).swapaxes(1, 2)
    return panels


def _added(rows: int, registers: int) -> Callable[..., Any]:
    """A function that adds to `rows` × `registers` registers of sums the products of `count` inputs.

    Called with inputs, the place of the first row in them, from row to row; the panel, its place; what is
    added to, likewise; the sums, likewise; count.
    """
    vector = ir.VectorType(ir.FloatType(), LANES)

    @intrinsic  # type: ignore[misc]
    def added(_, inputs, at, step, panel, start, old, old_at, old_step, new, new_at, new_step, count):  # type: ignore[no-untyped-def]
        place = types.intp
        three = (place, place)
        signature = types.void(inputs, *three, panel, place, old, *three, new, *three, place)

        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            def pointer(number: int, by: Any) -> Any:
                array = context.make_array(signature.args[number])(context, builder, given[number])
                return builder.gep(array.data, [by])

            def registers_of(number: int) -> list[Any]:
                first, step = given[number + 1 : number + 3]
                return [
                    builder.bitcast(
                        pointer(number, builder.add(builder.add(first, builder.mul(step, size(row))), size(LANES * each))),
                        vector.as_pointer(),
                    )
                    for row in range(rows)
                    for each in range(registers)
                ]

            _, at, step, _, start, *_, count = given
            size = at.type
            read = [pointer(0, builder.add(at, builder.mul(step, size(row)))) for row in range(rows)]
            sums = [builder.load(each, align=4) for each in registers_of(5)]
            before, loop, behind = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(loop)
            builder.position_at_end(loop)
            k = builder.phi(size)
            k.add_incoming(size(0), before)
            values = [builder.phi(vector) for _ in sums]
            for value, initial in zip(values, sums, strict=True):
                value.add_incoming(initial, before)
            line = pointer(3, builder.add(start, builder.mul(k, size(registers * LANES))))
            weights = [
                builder.load(builder.bitcast(builder.gep(line, [size(LANES * each)]), vector.as_pointer()), align=4)
                for each in range(registers)
            ]
            spread = ir.Constant(ir.VectorType(_INT, LANES), [0] * LANES)
            # One rounding for a product and its sum, where the processor can.
            fused = _declared(builder.module, vector)
            sums = []
            for row in range(rows):
                one = builder.load(builder.gep(read[row], [k]))
                alone = builder.insert_element(ir.Constant(vector, ir.Undefined), one, _INT(0))
                everywhere = builder.shuffle_vector(alone, alone, spread)
                for weight in weights:
                    sums.append(builder.call(fused, [weight, everywhere, values[len(sums)]]))
            following = builder.add(k, size(1))
            k.add_incoming(following, loop)
            for value, made in zip(values, sums, strict=True):
                value.add_incoming(made, loop)
            builder.cbranch(builder.icmp_signed("<", following, count), loop, behind)
            builder.position_at_end(behind)
            for value, to in zip(sums, registers_of(8), strict=True):
                builder.store(value, to, align=4)
            return context.get_dummy_value()

        return signature, code

    return added  # type: ignore[no-any-return]


_INT = ir.IntType(32)


def _declared(module: Any, vector: Any) -> Any:
    name = f"llvm.fmuladd.v{LANES}f32"
    if name in module.globals:
        return module.globals[name]
    return ir.Function(module, ir.FunctionType(vector, [vector] * 3), name)


# More rows would need more registers for their places than there are.
_FOUR, _PAIR, _SINGLE = _SUMS // 4, min(_SUMS // 2, 8), 12
_four, _pair, _single = _added(_FOUR, 4), _added(_PAIR, 2), _added(_SINGLE, 1)
_four_5, _four_4, _four_3, _four_2, _four_1 = (_added(rows, 4) for rows in (5, 4, 3, 2, 1))
_pair_1, _single_1 = _added(1, 2), _added(1, 1)


@compiled
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
    registers = 4 if outputs % (4 * LANES) == 0 else 2 if outputs % (2 * LANES) == 0 else 1
    across = registers * LANES
    for start in range(0, depth, _DEPTH):
        count = min(_DEPTH, depth - start)
        if start > 0:
            old, old_at, old_step = sums, to, outputs
        for column in range(0, outputs, across):
            panel = column * depth + start * across
            a, o, s, left = at + start, old_at + column, to + column, rows
            if registers == 4:
                while left >= _FOUR:
                    _four(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                    a, o, s, left = a + _FOUR * step, o + _FOUR * old_step, s + _FOUR * outputs, left - _FOUR
                if left == 5:
                    _four_5(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                elif left == 4:
                    _four_4(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                elif left == 3:
                    _four_3(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                elif left == 2:
                    _four_2(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                elif left == 1:
                    _four_1(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
            elif registers == 2:
                while left >= _PAIR:
                    _pair(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                    a, o, s, left = a + _PAIR * step, o + _PAIR * old_step, s + _PAIR * outputs, left - _PAIR
                for _ in range(left):
                    _pair_1(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                    a, o, s = a + step, o + old_step, s + outputs
            else:
                while left >= _SINGLE:
                    _single(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                    a, o, s, left = a + _SINGLE * step, o + _SINGLE * old_step, s + _SINGLE * outputs, left - _SINGLE
                for _ in range(left):
                    _single_1(inputs, a, step, panels, panel, old, o, old_step, sums, s, outputs, count)
                    a, o, s = a + step, o + old_step, s + outputs


@compiled
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
    # Whole rows of registers, so that few are left over, and at the end alone.
    tile = max(_TILE // (stride * inputs) // 24 * 24, 24)
    heard = np.empty(((tile - 1) * stride + kernel) * inputs, np.float32)
    bits, rests = np.empty(_BLOCK, np.int32), np.empty(_BLOCK, np.float32)
    part, squares = np.empty(outputs, np.float32), np.empty(outputs, np.float32)
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        begin, end = start * stride, (stop - 1) * stride + kernel
        source, at = given, (begin - first) * inputs
        if activated or begin < first or end > second:
            source, at = heard, 0
            _copy(early, begin * inputs, end * inputs, 0, heard, 0)
            _copy(given, begin * inputs, end * inputs, first * inputs, heard, 0)
            _copy(late, begin * inputs, end * inputs, second * inputs, heard, 0)
            if activated:
                _elu(heard[: (end - begin) * inputs], bits, rests)
        old, old_at, old_step = (to, start * outputs, outputs) if onto else (bias, 0, 0)
        multiply(
            source, at, stride * inputs, stop - start, kernel * inputs,
            panels, outputs, old, old_at, old_step, to, start * outputs,
        )
        if len(moments):
            _gather(sums[start:stop], part, squares, moments)


@compiled
def _copy(piece, begin, end, at, heard, to):  # type: ignore[no-untyped-def]
    """Copy what of a piece, which stands at `at`, lies between `begin` and `end`."""
    low, high = max(begin, at), min(end, at + len(piece))
    if low < high:
        heard[to + low - begin : to + high - begin] = piece[low - at : high - at]


@compiled
def _gather(values, part, squares, moments):  # type: ignore[no-untyped-def]
    """Add up values `[T, C]` and their squares: float32 over a few rows, float64 over all."""
    length, channels = values.shape
    rows = max(_BLOCK // channels, 1)
    for start in range(0, length, rows):
        part[:] = _ZERO
        squares[:] = _ZERO
        for t in range(start, min(start + rows, length)):
            for c in range(channels):
                x = values[t, c]
                part[c] += x
                squares[c] += x * x
        for c in range(channels):
            moments[0] += part[c]
            moments[1] += squares[c]


@compiled
def normalise(values, moments, gain, offset, epsilon):  # type: ignore[no-untyped-def]
    """Bring values `[T, C]`, whose sum and sum of squares are known, to mean 0 and variance 1, then scale them."""
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


@compiled
def _elu(values, bits, rests):  # type: ignore[no-untyped-def]
    """ELU of float32 values, in place: x where x > 0, else exp(x) - 1."""
    powers = bits.view(np.float32)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        for i in range(len(block)):
            x = min(max(block[i], _LEAST), _ZERO)
            n = np.floor(x * _LOG2_E + _HALF)
            bits[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
            rests[i] = (x - n * _LN2_HIGH) - n * _LN2_LOW
        for i in range(len(block)):
            made = _grown(rests[i]) * powers[i] + (powers[i] - _ONE)
            x = block[i]
            block[i] = made if x <= _ZERO else x


@compiled
def _grown(r):  # type: ignore[no-untyped-def]
    """exp(r) - 1 for r within ±ln 2 / 2: the Taylor series, whose next term is below 2e-9.

    For x = n ln 2 + r, exp(x) - 1 = (exp(r) - 1) 2^n + (2^n - 1).
    """
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + _HALF
    return p * r * r + r


@compiled
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
    bits, rests = np.empty(wide, np.int32), np.empty(wide, np.float32)
    first = 0
    for t in range(len(counts)):
        count, at = counts[t], first * wide
        multiply(state, 0, size, count, size, panels_on, wide, flat, at, wide, flat, at)
        for row in range(count):
            _turn(gates[first + row], bits, rests, cell[row], hidden[row])
            outputs[first + row] = hidden[row]
        first += count


@compiled
def _turn(gates, bits, rests, cell, hidden):  # type: ignore[no-untyped-def]
    """One step from the gates' sums `[4 H]`: input gate, forget gate, what is let in, output gate."""
    size = len(cell)
    let_in, kept, new, out = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]
    _sigmoid(gates[: 2 * size], bits, rests)
    _tanh(new, new, bits, rests)
    _sigmoid(out, bits, rests)
    for i in range(size):
        cell[i] = kept[i] * cell[i] + let_in[i] * new[i]
    _tanh(cell, hidden, bits, rests)
    for i in range(size):
        hidden[i] *= out[i]


@compiled
def _sigmoid(values, bits, rests):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)) of float32 values, in place."""
    powers = bits.view(np.float32)
    for i in range(len(values)):
        x = min(max(-values[i], _LEAST), -_LEAST)
        n = np.floor(x * _LOG2_E + _HALF)
        bits[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
        rests[i] = (x - n * _LN2_HIGH) - n * _LN2_LOW
    for i in range(len(values)):
        values[i] = _ONE / (_grown(rests[i]) * powers[i] + (powers[i] + _ONE))


@compiled
def _tanh(values, results, bits, rests):  # type: ignore[no-untyped-def]
    """The hyperbolic tangent: with e = exp(-2 |x|) - 1, it is -e / (2 + e), and the sign of x."""
    powers = bits.view(np.float32)
    for i in range(len(values)):
        x = max(-_TWO * abs(values[i]), _LEAST)
        n = np.floor(x * _LOG2_E + _HALF)
        bits[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
        rests[i] = (x - n * _LN2_HIGH) - n * _LN2_LOW
    for i in range(len(values)):
        e = _grown(rests[i]) * powers[i] + (powers[i] - _ONE)
        results[i] = np.copysign(-e / (_TWO + e), values[i])
