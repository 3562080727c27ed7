"""Read JSON from files that may be damaged or hostile."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 1_000_000


def parse_object(text: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: the text is not a JSON object, is nested too deeply, or longer than a million characters.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters of JSON, where up to {_LONGEST} are read")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(f"JSON of a {type(value).__name__}, where an object is wanted")
    return value
