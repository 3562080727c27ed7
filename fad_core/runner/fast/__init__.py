"""Kernels for this processor: the same results, up to rounding, in less time.

`accelerate` is the only name that other packages import; `docs/development/kernels.md` explains the design.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from torch import fx

if TYPE_CHECKING:
    from fad_core.runner.fast.interleave import InterleavedNetwork

_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def accelerate(graph: fx.GraphModule) -> tuple[InterleavedNetwork | None, str]:
    """Replace a network's operations by kernels for this processor, and test each kind of them.

    Args:
        graph: the network as exported. It is changed in place; where the result is None, load it again.

    Returns:
        The network and "", or None and the reason why the kernels cannot be used here, in a few words.

    Raises:
        RuntimeError, MemoryError: memory does not suffice; it would not for the network as exported either.
    """
    try:
        # Here, because they import private parts of PyTorch and Numba, which other versions may lack.
        from fad_core.runner.fast.interleave import InterleavedNetwork
        from fad_core.runner.fast.rewrite import put_kernels
        from fad_core.runner.fast.self_test import require_correct

        network = put_kernels(graph)
        require_correct(network)
        return InterleavedNetwork(network), ""
    except Exception as error:
        # A private part that has changed can fail in any way.
        if isinstance(error, MemoryError) or "allocate" in str(error):
            raise
        # Numba colours its errors where colorama is installed.
        reason = _COLOUR.sub("", str(error)).strip() or "no reason is given"
        return None, f"{type(error).__name__}: {reason.splitlines()[0]}"
