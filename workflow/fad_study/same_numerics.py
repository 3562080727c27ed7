"""Refuse results that were computed in part on machines that compute differently."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fad_core.errors import FadError
from fad_core.runner.numerics import NumericsKey


def require_same_numerics(numerics: Mapping[Path, str]) -> None:
    """Require that the vectors behind tables were embedded on one kind of machine.

    Args:
        numerics: text of the `NumericsKey` of each table; at least one.

    Raises:
        FadError: two tables differ; the message names the difference.
    """
    (first, text), *others = numerics.items()
    for path, other in others:
        if other != text:
            raise FadError(
                f"{path} and {first} are of machines that compute differently ({_difference(other, text)}): "
                "delete the folders embeddings and statistics of the study, and run again on one kind"
            )


def _difference(one: str, other: str) -> str:
    try:
        return NumericsKey.parse(one).differences(NumericsKey.parse(other))
    except ValueError as error:
        return str(error)
