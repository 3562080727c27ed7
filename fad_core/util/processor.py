"""Properties of the processor."""

from __future__ import annotations

from functools import cache

from llvmlite import binding


@cache
def cpu_features() -> frozenset[str]:
    """Return the features of this machine's processor that can be used, as LLVM calls them: "avx2", "fma"."""
    return frozenset(name for name, has in binding.get_host_cpu_features().items() if has)
