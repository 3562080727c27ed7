"""Digest of the code that a step of the workflow runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from fad_core.datasets import file_sha256
from fad_core.metrics import base
from fad_core.metrics import modules_of as modules_of_metric
from fad_core.models import definition_of, find_network
from fad_core.util.code_digest import code_digest


def step_digest(script: Path, model_id: str | None = None) -> str:
    """Return a digest of a script and of the modules of `fad_study` and `fad_core` that it uses.

    Args:
        script: a Python file in `scripts`.
        model_id: model that the step uses, whose modules count too; None if it uses none.

    Returns:
        16 hex digits.
    """
    modules, facts = ((), "") if model_id is None else definition_of(find_network(model_id))
    return code_digest(script, modules, facts, [Path(__file__).parent])


def metrics_digest(names: Iterable[str]) -> dict[str, str]:
    """Return digests of the modules that define metrics, by the names of the metrics.

    Args:
        names: names of metrics.
    """
    return {name: _metric_digest(modules_of_metric(name)) for name in names}


def _metric_digest(modules: Sequence[str]) -> str:
    files = (getattr(sys.modules[module], "__file__", None) for module in modules)
    # Compiled modules, which have no code to read, count byte for byte.
    compiled = [file_sha256(Path(file)) for file in files if file and Path(file).suffix != ".py"]
    return "-".join([code_digest(Path(base.__file__), modules), *compiled])
