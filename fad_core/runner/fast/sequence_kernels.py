"""Compiled functions over sequences `[T, C]`, channels last: convolution, group norm, LSTM layer.

With its channels last in memory, what a convolution over time reads for one output is one stretch of the
sequence. So a convolution is a product of overlapping rows and the weights (`packed_gemm.gemm_packed`).
"""

from __future__ import annotations

import numpy as np

from fad_core.runner.fast.exponentials import LEAST, expm1, sigmoid, tanh
from fad_core.runner.fast.packed_gemm import ROW_MULTIPLE, gemm_packed
from fad_core.util.jit import compiled_with_fma

_BLOCK_VALUES = 1 << 17
"""Inputs of a convolution at a time: with the weights, what a core's own cache holds."""
_ZERO = np.float32(0.0)


@compiled_with_fma
def conv1d(before, middle, behind, elu, panels, bias, kernel, stride, accumulate, moments, out):  # type: ignore[no-untyped-def]
    """Convolve a sequence that comes in three pieces.

    Args:
        before: float32 `[T1, inputs]`.
        middle: float32 `[T2, inputs]`.
        behind: float32 `[T3, inputs]`.
        elu: whether the ELU of the sequence is convolved.
        panels: weights `[outputs, kernel * inputs]`, packed by `packed_gemm.pack`.
        bias: float32 `[outputs]`.
        kernel: columns of the sequence that an output depends on.
        stride: columns from one output to the next.
        accumulate: whether the products are added to what stands in `out`, instead of to the bias.
        moments: float64 `[2]`, to which the result's sum and sum of squares are added; empty: they are not.
        out: float32 `[T, outputs]`, to be filled.
    """
    inputs, (length, outputs) = middle.shape[1], out.shape
    first, second = len(before), len(before) + len(middle)
    flat_out, given, early, late = out.reshape(-1), middle.reshape(-1), before.reshape(-1), behind.reshape(-1)
    # Rows are left over at the end alone. On all processors the same, for the moments begin anew with each.
    rows = max(_BLOCK_VALUES // (stride * inputs) // ROW_MULTIPLE * ROW_MULTIPLE, ROW_MULTIPLE)
    columns = np.empty(((rows - 1) * stride + kernel) * inputs, np.float32)
    part, squares = np.empty(256, np.float32), np.empty(256, np.float32)
    for start in range(0, length, rows):
        stop = min(start + rows, length)
        begin, end = start * stride, (stop - 1) * stride + kernel
        source, place = given, (begin - first) * inputs
        if elu or begin < first or end > second:
            source, place = columns, 0
            _gather_elu(early, begin * inputs, end * inputs, 0, elu, columns)
            _gather_elu(given, begin * inputs, end * inputs, first * inputs, elu, columns)
            _gather_elu(late, begin * inputs, end * inputs, second * inputs, elu, columns)
        old, old_start, old_step = (flat_out, start * outputs, outputs) if accumulate else (bias, 0, 0)
        gemm_packed(
            *(source, place, stride * inputs, stop - start, kernel * inputs, panels, outputs),
            *(old, old_start, old_step, flat_out, start * outputs),
        )
        if len(moments):
            _add_moments(flat_out[start * outputs : stop * outputs], part, squares, moments)


@compiled_with_fma
def _gather_elu(piece, begin, end, place, elu, columns):  # type: ignore[no-untyped-def]
    """Copy the values from `begin` to `end` of a piece that starts at `place`, or their ELU, to `columns`.

    The ELU is x where x > 0, else exp(x) - 1.
    """
    low, high = max(begin, place), min(end, place + len(piece))
    if low >= high:
        return
    source, target = piece[low - place : high - place], columns[low - begin : high - begin]
    if not elu:
        target[:] = source
        return
    for i in range(len(source)):
        x = source[i]
        negative = expm1(min(max(x, LEAST), _ZERO))
        # Not by x > 0, which would lose NaN.
        target[i] = negative if x <= _ZERO else x


@compiled_with_fma
def _add_moments(values, part, squares, moments):  # type: ignore[no-untyped-def]
    """Add flat values and their squares to `moments`: sixteen in float32, those sums in float64."""
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


@compiled_with_fma
def group_norm(values, moments, gain, offset, epsilon):  # type: ignore[no-untyped-def]
    """Normalise a sequence to mean 0 and variance 1 over time and channels, then scale each channel.

    Args:
        values: float32 `[T, C]`, normalised in place.
        moments: float64 `[2]`, their sum and sum of squares.
        gain: float32 `[C]`.
        offset: float32 `[C]`.
        epsilon: added to the variance.
    """
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


@compiled_with_fma
def lstm_layer(inputs, counts, input_panels, bias, state_panels, hidden, cell, outputs):  # type: ignore[no-untyped-def]
    """Run one LSTM layer, with a forget gate (Gers et al. 2000), over several sequences in step.

    Args:
        inputs: float32 `[sum(counts), H]`: the first column of each sequence, then their second columns, …;
            longer sequences stand before shorter ones.
        counts: int64 `[T]`, how many of the sequences have a t-th column.
        input_panels: the inputs' weights `[4 H, H]`, packed by `packed_gemm.pack`.
        bias: float32 `[4 H]`.
        state_panels: the hidden state's weights `[4 H, H]`, packed.
        hidden: float32 `[sequences, H]`, the hidden states before; overwritten by those after.
        cell: float32 `[sequences, H]`, the cell states before; overwritten by those after.
        outputs: float32 `[sum(counts), H]`, to be filled with the hidden states of all columns.
    """
    size = inputs.shape[1]
    wide = 4 * size
    given, state, flat = inputs.reshape(-1), hidden.reshape(-1), np.empty(len(inputs) * wide, np.float32)
    gates = flat.reshape(len(inputs), wide)
    gemm_packed(given, 0, size, len(inputs), size, input_panels, wide, bias, 0, 0, flat, 0)
    first = 0
    for t in range(len(counts)):
        count, place = counts[t], first * wide
        gemm_packed(state, 0, size, count, size, state_panels, wide, flat, place, wide, flat, place)
        for row in range(count):
            _lstm_cell(gates[first + row], cell[row], hidden[row])
            outputs[first + row] = hidden[row]
        first += count


@compiled_with_fma
def _lstm_cell(gates, cell, hidden):  # type: ignore[no-untyped-def]
    """Make one step, in place, from the sums `[4 H]` of the input, forget, cell and output gate."""
    size = len(cell)
    input_gate, forget_gate = gates[:size], gates[size : 2 * size]
    candidate, output_gate = gates[2 * size : 3 * size], gates[3 * size :]
    for i in range(size):
        cell[i] = sigmoid(forget_gate[i]) * cell[i] + sigmoid(input_gate[i]) * tanh(candidate[i])
    for i in range(size):
        hidden[i] = sigmoid(output_gate[i]) * tanh(cell[i])
