"""Read JSON from files that may be damaged or hostile."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse_object(text: str | bytes, longest: int = 1_000_000) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        text: the JSON.
        longest: characters or bytes that it may have.

    Raises:
        ValueError: the text is not a JSON object, is nested too deeply, too long, or holds NaN or infinity.
    """
    if len(text) > longest:
        raise ValueError(f"JSON of {len(text)} characters; at most {longest} are read")
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(f"JSON of a {type(value).__name__}; expected an object")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
