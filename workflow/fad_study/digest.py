"""The digest of the code that a step of the workflow runs."""

from __future__ import annotations

from pathlib import Path

from fad_core.models import get_model, modules_of
from fad_core.util.code_digest import code_digest


def step_digest(script: Path, model_id: str | None = None) -> str:
    """Digest of a script and of the modules of `fad_study` and `fad_core` that it uses.

    Args:
        script: a Python file in `scripts`.
        model_id: id of the model that the step is about, if it is about one: the modules of its family count.

    Returns:
        16 hex digits.
    """
    modules = () if model_id is None else modules_of(get_model(model_id))
    return code_digest(script, modules, [Path(__file__).parent])
