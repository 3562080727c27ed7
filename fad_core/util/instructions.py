"""A common instruction set, with which unlike x86-64 processors compute the same bits.

Numeric libraries choose their kernels by the processor, unless environment variables name a smaller set of
instructions. They read these when they are imported, so nothing here imports one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from fad_core.errors import ResourceError
from fad_core.util.processor import cpu_features

Isa = Literal["native", "avx2"]
"""All instructions of the processor, or those that x86-64 processors with AVX2 and FMA have in common."""

# What the level x86-64-v3 has, in LLVM's names.
_AVX2 = ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt")
AVX2_VARIABLES: Mapping[str, str] = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # MKL's AVX2 kernels differ between the makers of processors.
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    "NUMBA_CPU_NAME": "x86-64-v3",
    "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in _AVX2),
    # NumPy ignores the names of other versions than its own: X86_V4 is that of 2.4 and later.
    "NPY_DISABLE_CPU_FEATURES": (
        "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
    ),
}
"""Environment variables that limit numeric libraries to AVX2 and FMA."""

# They would limit the same libraries further, or otherwise.
_CLEARED = (
    *("DNNL_MAX_CPU_ISA", "ONEDNN_CPU_ISA_HINTS", "DNNL_CPU_ISA_HINTS"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"),
    *("MKL_ENABLE_INSTRUCTIONS", "NPY_ENABLE_CPU_FEATURES"),
)


def limit_instructions(isa: str) -> None:
    """Limit numeric libraries to a common instruction set. It has an effect only before they are imported.

    Args:
        isa: "native", which changes nothing, or "avx2".

    Raises:
        ResourceError: the processor lacks these instructions.
    """
    if isa == "native":
        return
    if missing := [name for name in _AVX2 if name not in cpu_features()]:
        raise ResourceError(
            f"this machine's processor lacks instructions that isa={isa} requires ({', '.join(missing)}): "
            "run on machines with AVX2 and FMA, or choose native"
        )
    for variable in _CLEARED:
        os.environ.pop(variable, None)
    os.environ.update(AVX2_VARIABLES)


def limited_instructions() -> str:
    """Return the common instruction set that the environment limits numeric libraries to; "" if to none.

    >>> limited_instructions()
    ''
    """
    limited = all(os.environ.get(variable) == value for variable, value in AVX2_VARIABLES.items())
    return "isa=avx2" if limited else ""
