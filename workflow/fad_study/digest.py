"""Digest of the code that a step of the workflow runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from fad_core.metrics import get_metric
from fad_core.models import definition_of, get_model
from fad_core.util.code_digest import code_digest


def step_digest(script: Path, model_id: str | None = None) -> str:
    """Return a digest of a script and of the modules of `fad_study` and `fad_core` that it uses.

    Args:
        script: a Python file in `scripts`.
        model_id: model that the step uses, whose modules count too; None if it uses none.

    Returns:
        16 hex digits.
    """
    modules, facts = ((), "") if model_id is None else definition_of(get_model(model_id))
    return code_digest(script, modules, facts, [Path(__file__).parent])


def metrics_digest(names: Iterable[str]) -> dict[str, str]:
    """Return digests of the modules that compute metrics, by the names of the metrics.

    Args:
        names: names of metrics.
    """
    files = {name: sys.modules[get_metric(name).compute.__module__].__file__ for name in names}
    return {name: code_digest(Path(file)) if file else "" for name, file in files.items()}
