"""The digest of the code that a step of the workflow runs."""

from __future__ import annotations

from pathlib import Path

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
