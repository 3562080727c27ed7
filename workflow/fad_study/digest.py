"""The digest of the code that a step of the workflow runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from fad_core.metrics import get_metric
from fad_core.util.code_digest import code_digest


def step_digest(script: Path, family: str | None = None) -> str:
    """Digest of a script and of the modules of `fad_study` and `fad_core` that it uses.

    Args:
        script: a Python file in `scripts`.
        family: name of the model family that the step is about, if it is about one.

    Returns:
        16 hex digits.
    """
    return code_digest(script, family, [Path(__file__).parent])


def metrics_digest(names: Iterable[str]) -> dict[str, str]:
    """Metrics by name, and of those of other packages a digest of the module that computes them.

    The digest of a step covers the metrics of `fad_core` by themselves.
    """
    found = {}
    for name in names:
        module = sys.modules[get_metric(name).compute.__module__]
        own = module.__name__.split(".")[0] == "fad_core" or module.__file__ is None
        found[name] = "" if own else code_digest(Path(str(module.__file__)))
    return found
