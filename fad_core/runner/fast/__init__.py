"""Kernels for this processor: the same results, up to rounding, in less time. `accelerate` is the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import fx

if TYPE_CHECKING:
    from fad_core.runner.fast.interleave import Together


def accelerate(graph: fx.GraphModule) -> tuple[Together | None, str]:
    """Put kernels for this processor in place of what a network's graph says, and test each kind of them.

    Args:
        graph: of the network. It is changed in place; where the result is None it must be loaded again.

    Returns:
        The network, or None if the kernels cannot be used here; and then the reason, in a few words.

    Raises:
        RuntimeError: there is too little memory, of which a plain network would need as much.
    """
    try:
        # Here, because they import private parts of PyTorch and Numba, which other versions may lack.
        from fad_core.runner.fast.interleave import Together
        from fad_core.runner.fast.rewrite import rewritten
        from fad_core.runner.fast.self_test import require_correct

        network = rewritten(graph)
        require_correct(network)
        return Together(network), ""
    except _failures() as error:
        if "allocate" in str(error):
            raise
        reason = (str(error).strip() or "no reason is given").splitlines()[0]
        return None, f"{type(error).__name__}: {reason}"


def _failures() -> tuple[type[Exception], ...]:
    """Return what is raised where a private part of a package is missing, differs or computes otherwise."""
    found: tuple[type[Exception], ...] = (ImportError, AttributeError, TypeError, RuntimeError)
    try:
        from numba.core.errors import NumbaError
    except ImportError:
        return found
    return (*found, NumbaError)
