"""Digest of the code that a step of the workflow runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from fad_core.metrics import get_metric
from fad_core.util.code_digest import code_digest


def step_digest(script: Path, family: str | None = None) -> str:
    """Return a digest of a script and of the modules of `fad_study` and `fad_core` that it uses.

    Args:
        script: a Python file in `scripts`.
        family: model family that the step uses, whose modules count too; None if it uses none.

    Returns:
        16 hex digits.
    """
    return code_digest(script, family, [Path(__file__).parent])


def metrics_digest(names: Iterable[str]) -> dict[str, str]:
    """Return digests of the modules that compute metrics, by the names of the metrics.

    Args:
        names: names of metrics. The digest of a metric of `fad_core` is "": that of the step covers it.
    """
    found = {}
    for name in names:
        module = sys.modules[get_metric(name).compute.__module__]
        own = module.__name__.split(".")[0] == "fad_core" or module.__file__ is None
        found[name] = "" if own else code_digest(Path(str(module.__file__)))
    return found
