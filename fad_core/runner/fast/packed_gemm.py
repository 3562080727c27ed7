"""A matrix product whose right-hand matrix, the weights, is packed beforehand.

A panel holds the weights of as many outputs as a few vector registers do, input by input, so that the
innermost loop reads it from its beginning to its end (Goto and van de Geijn, "Anatomy of High-Performance
Matrix Multiplication", ACM TOMS 34, 2008). The innermost loop is emitted as LLVM IR (`_rows_by_panel`),
because its sums must stay in registers, which Numba's own loops do not guarantee.

The products of an output are added up in the order of its inputs, in blocks of `DEPTH`, and the sums of
blocks to its bias. The order depends neither on how many rows there are nor on the width of a register, so a
row's result has the same bits in any batch and on all processors with a fused multiply-add.
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

from fad_core.util.jit import compiled_with_fma

_cgutils: Any = cgutils
_FEATURES: str = config.CPU_FEATURES or codegen.get_host_cpu_features()  # type: ignore[attr-defined, no-untyped-call]
LANES = next((lanes for name, lanes in (("+avx512f", 16), ("+avx,", 8)) if name in f"{_FEATURES},"), 4)
"""float32 values in a vector register."""
MAX_REGISTERS = 4 if LANES == 16 else 2
"""Registers of outputs in a panel, at most: x86 processors have 32 registers of 16 values, or 16 of fewer."""
DEPTH = 256
"""Inputs in one sum. One sum of all inputs would be as fast, and twice as far from the exact one."""
_PREFETCH_VALUES = 1024
"""How far ahead weights are prefetched."""
_CACHE_LINE_VALUES = 16
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


@compiled_with_fma
def panel_registers(outputs):  # type: ignore[no-untyped-def]
    """Return how many registers wide the panels of so many outputs are: 4, 2 or 1; 0 if they fill none."""
    for registers in (MAX_REGISTERS, 2, 1):
        if outputs % (registers * LANES) == 0:
            return registers
    return 0


def pack(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pack a matrix `[outputs, inputs]`; returns `[panels, inputs, outputs of a panel]`, flat.

    `panel_registers(outputs)` must not be 0.
    """
    outputs, inputs = weight.shape
    across = panel_registers(outputs) * LANES
    # PyTorch's memory is aligned to a cache line and NumPy's is not: a register's load would cross two lines.
    panels: NDArray[np.float32] = torch.empty(weight.size, dtype=torch.float32).numpy()
    panels.reshape(-1, inputs, across)[:] = weight.reshape(-1, across, inputs).swapaxes(1, 2)
    return panels


def _rows_by_panel(heights: Sequence[int], registers: int) -> Any:
    """Make a function that adds the products of rows and one panel to rows of sums.

    Args:
        heights: how many rows are computed at once, the largest that still fits first. Each needs
            `height * registers` registers for its sums.
        registers: of outputs in the panel.

    Returns:
        A function for compiled code. Its arguments are those of the intrinsic below: flat float32 arrays,
        each with the place of its first row (or panel) and the distance between rows.
    """

    @intrinsic
    def multiply(  # type: ignore[no-untyped-def]
        _, a, a_start, a_step, rows, panels, panel, old, old_start, old_step, out, out_start, out_step, depth
    ):
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            a, a_start, a_step, rows, panels, panel, old, *old_place, out, out_start, out_step, depth = (
                context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, values, strict=True)
            )
            places = [
                (_cgutils.alloca_once_value(builder, start), step)
                for start, step in ((a_start, a_step), (out_start, out_step), tuple(old_place))
            ]
            left = _cgutils.alloca_once_value(builder, rows)
            for height in heights:
                head, body, end = (builder.append_basic_block() for _ in range(3))
                builder.branch(head)
                builder.position_at_end(head)
                remaining = builder.load(left)
                # One or two rows take as long as three: where three can be left over, no fewer are.
                least = 3 if height > 3 and 3 in heights else 0
                enough = builder.or_(
                    builder.icmp_signed("==", remaining, _INT64(height)),
                    builder.icmp_signed(">=", remaining, _INT64(height + least)),
                )
                builder.cbranch(enough, body, end)
                builder.position_at_end(body)
                a_rows, out_rows, old_rows = (
                    [
                        builder.add(builder.load(place), builder.mul(step, _INT64(row)))
                        for row in range(height)
                    ]
                    for place, step in places
                )
                _emit_tile(
                    builder,
                    [builder.gep(a, [place]) for place in a_rows],
                    builder.gep(panels, [panel]),
                    [builder.gep(old, [place]) for place in old_rows],
                    [builder.gep(out, [place]) for place in out_rows],
                    depth,
                    registers,
                )
                for place, step in places:
                    builder.store(builder.add(builder.load(place), builder.mul(step, _INT64(height))), place)
                builder.store(builder.sub(builder.load(left), _INT64(height)), left)
                builder.branch(head)
                builder.position_at_end(end)
            return context.get_dummy_value()

        given = (a, a_start, a_step, rows, panels, panel, old, old_start, old_step, out, out_start, out_step)
        return types.void(*given, depth), emit

    return multiply


def _emit_tile(
    builder: Any, a: list[Any], panel: Any, old: list[Any], out: list[Any], depth: Any, registers: int
) -> None:
    """Emit the loop over the inputs of a few rows, whose sums stay in registers.

    Args:
        builder: of LLVM IR.
        a: a pointer to each row's inputs.
        panel: a pointer to the panel.
        old: pointers to what each row's sums are added to.
        out: pointers to where the results go.
        depth: number of inputs, at least 1.
        registers: of outputs in the panel.
    """
    vector = ir.VectorType(ir.FloatType(), LANES)
    first_lane_everywhere = ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES)

    def vectors_at(pointer: Any) -> list[Any]:
        return [
            builder.bitcast(builder.gep(pointer, [_INT64(LANES * each)]), vector.as_pointer())
            for each in range(registers)
        ]

    before, loop, behind = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_INT64)
    k.add_incoming(_INT64(0), before)
    sums = [builder.phi(vector) for _ in range(len(a) * registers)]
    line = builder.gep(panel, [builder.mul(k, _INT64(registers * LANES))])
    weights = [builder.load(place, align=4) for place in vectors_at(line)]
    byte = ir.IntType(8).as_pointer()
    prefetch = _cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte, _INT32, _INT32, _INT32]), "llvm.prefetch.p0"
    )
    for each in range(0, registers * LANES, _CACHE_LINE_VALUES):
        ahead = builder.gep(line, [_INT64(each + _PREFETCH_VALUES)])
        # For reading (0), into the second-level cache (2), of data (1).
        builder.call(prefetch, [builder.bitcast(ahead, byte), _INT32(0), _INT32(2), _INT32(1)])
    # One rounding for a product and its sum, where the processor has such an instruction.
    multiply_add = _cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
    )
    following_sums: list[Any] = []
    for row in a:
        one = builder.insert_element(
            ir.Constant(vector, ir.Undefined), builder.load(builder.gep(row, [k])), _INT32(0)
        )
        everywhere = builder.shuffle_vector(one, one, first_lane_everywhere)
        for weight in weights:
            total = sums[len(following_sums)]
            following_sums.append(builder.call(multiply_add, [weight, everywhere, total]))
    following = builder.add(k, _INT64(1))
    k.add_incoming(following, loop)
    for total, made in zip(sums, following_sums, strict=True):
        total.add_incoming(ir.Constant(vector, [0.0] * LANES), before)
        total.add_incoming(made, loop)
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, behind)
    builder.position_at_end(behind)
    olds, outs = ([place for row in rows for place in vectors_at(row)] for rows in (old, out))
    for made, source, target in zip(following_sums, olds, outs, strict=True):
        builder.store(builder.fadd(builder.load(source, align=4), made), target, align=4)


# Of 32 registers, more rows would need more for their addresses than there are. Of 16, the sums of six rows
# leave too few for the operands: LLVM spills some to memory, and takes 1.4 times as long as with five.
_by_two = _rows_by_panel((8, 4, 2, 1) if MAX_REGISTERS == 4 else (5, 4, 3, 2, 1), 2)
by_full_panel = _rows_by_panel((6, 5, 4, 3, 2, 1), 4) if MAX_REGISTERS == 4 else _by_two
_by_one = _rows_by_panel((12, 4, 1) if MAX_REGISTERS == 4 else (10, 5, 1), 1)
ROW_MULTIPLE = 24
"""A multiple of the most rows computed at once, on all processors: so many rows leave none over."""


@compiled_with_fma
def gemm_packed(a, a_start, a_step, rows, depth, panels, outputs, old, old_start, old_step, out, out_start):  # type: ignore[no-untyped-def]
    """Compute `out = old + a · weights`, row by row.

    Args:
        a: float32, flat.
        a_start: place of the first row's inputs.
        a_step: distance between two rows' inputs; rows may overlap.
        rows: how many.
        depth: inputs of a row.
        panels: the weights, packed by `pack`.
        outputs: of a row.
        old: float32, flat: what the products are added to.
        old_start: place of its first row.
        old_step: distance between its rows; 0 to add the same to all, as with a bias.
        out: float32, flat, to be filled; may be `old`.
        out_start: place of its first row; the others follow it.
    """
    registers = panel_registers(outputs)
    for start in range(0, depth, DEPTH):
        count = min(DEPTH, depth - start)
        if start > 0:
            old, old_start, old_step = out, out_start, outputs
        for column in range(0, outputs, registers * LANES):
            a0, p0 = a_start + start, column * depth + start * registers * LANES
            o0, c0 = old_start + column, out_start + column
            if registers == MAX_REGISTERS:
                by_full_panel(a, a0, a_step, rows, panels, p0, old, o0, old_step, out, c0, outputs, count)
            elif registers == 2:
                _by_two(a, a0, a_step, rows, panels, p0, old, o0, old_step, out, c0, outputs, count)
            else:
                _by_one(a, a0, a_step, rows, panels, p0, old, o0, old_step, out, c0, outputs, count)


@compiled_with_fma
def linear(rows, panels, bias, out):  # type: ignore[no-untyped-def]
    """Compute `out = bias + rows · weights`.

    Args:
        rows: float32 `[N, inputs]`.
        panels: weights `[outputs, inputs]`, packed by `pack`.
        bias: float32 `[outputs]`.
        out: float32 `[N, outputs]`, to be filled.
    """
    count, depth = rows.shape
    gemm_packed(
        rows.reshape(-1), 0, depth, count, depth, panels, out.shape[1], bias, 0, 0, out.reshape(-1), 0
    )


@compiled_with_fma
def gemm_batch(a, rows, inputs, panels, outputs, products):  # type: ignore[no-untyped-def]
    """Multiply several matrices, each with its own weights.

    Args:
        a: float32 `[matrices, at least rows * inputs]`.
        rows: of each matrix.
        inputs: of a row.
        panels: `[matrices, outputs * inputs]`, each packed by `pack`.
        outputs: of a row.
        products: float32 `[matrices, rows, outputs]`, to be filled.
    """
    zeros = np.zeros(outputs, np.float32)
    for place in range(len(a)):
        out = products[place].reshape(-1)
        gemm_packed(a[place], 0, inputs, rows, inputs, panels[place], outputs, zeros, 0, 0, out, 0)
