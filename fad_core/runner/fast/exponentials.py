"""exp and the functions that follow from it, in float32, inlined into the kernels that call them.

A kernel's loop over many values can only be vectorised where the function it calls is compiled with it, and a
library's exp rounds otherwise from one library to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fad_core.util.jit import compiled_with_fma

LEAST = np.float32(-87.0)
"""The smallest argument: exp of a smaller one is below the normal float32 numbers."""
_INT32 = ir.IntType(32)
# ln 2 in two parts (Cody and Waite 1980): n times the first is exact.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOG2_E = np.float32(1.442695041)
_ONE, _TWO, _HALF = np.float32(1.0), np.float32(2.0), np.float32(0.5)


@intrinsic
def _power_of_two(_, _exponent):  # type: ignore[no-untyped-def]
    """2 to the power of a float32 that is a whole number from -126 to 127, by writing its exponent's bits."""

    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        biased = builder.add(builder.fptosi(arguments[0], _INT32), _INT32(127))
        return builder.bitcast(builder.shl(biased, _INT32(23)), ir.FloatType())

    return types.float32(types.float32), emit


@compiled_with_fma
def expm1(x):  # type: ignore[no-untyped-def]
    """Return exp(x) - 1 for x from -87 to 87.

    With x = n ln 2 + r, it is (exp(r) - 1) 2^n + (2^n - 1). exp(r) - 1 is its Taylor series, whose first
    omitted term is below 2e-9 for r within ±ln 2 / 2.
    """
    n = np.floor(x * _LOG2_E + _HALF)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + _HALF
    p = p * r * r + r
    power = _power_of_two(n)  # type: ignore[call-arg, var-annotated]
    return p * power + (power - _ONE)


@compiled_with_fma
def sigmoid(x):  # type: ignore[no-untyped-def]
    """Return 1 / (1 + exp(-x))."""
    return _ONE / (_TWO + expm1(min(max(-x, LEAST), -LEAST)))


@compiled_with_fma
def tanh(x):  # type: ignore[no-untyped-def]
    """Return the hyperbolic tangent: with e = exp(-2 |x|) - 1, it is -e / (2 + e) with the sign of x."""
    e = expm1(max(-_TWO * abs(x), LEAST))
    return np.copysign(-e / (_TWO + e), x)
