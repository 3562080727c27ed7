"""Refuse results that were computed in part on machines that compute differently, or note that they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fad_core.errors import FadError
from fad_core.runner.numerics import NumericsKey
from fad_core.verification.verdicts import VERIFIED_ELSEWHERE, short_difference

MIXED = "embeddings computed on machines that compute differently"
GIVEN = "given"
"""In place of the numerics of statistics that were given in a file, which are not known (`given_note`)."""


def require_same_numerics(numerics: Mapping[Path, str], *, mixed: bool = False) -> None:
    """Require that the vectors behind tables were embedded by one code and one kind of machine.

    Args:
        numerics: text of the `NumericsKey` of each table, or `joined` texts, or GIVEN, which may differ.
        mixed: whether the kinds of machine may differ.

    Raises:
        FadError: two tables differ, or one holds vectors of several kinds; the message names the difference.
    """
    numerics = {path: texts for path, texts in numerics.items() if texts != GIVEN}
    if not numerics:
        return
    (first, texts), *_ = numerics.items()
    text, *_ = texts.splitlines() or [""]
    for path, others in numerics.items():
        for other in others.splitlines() or [""]:
            if other != text and not (mixed and _mix(other, text)):
                which = f"{path} and {first} are" if path != first else f"the embeddings behind {path} are"
                raise FadError(
                    f"{which} of machines that compute differently ({_difference(other, text)}): allow it "
                    "(mixed_numerics), or delete the folders embeddings and statistics of the study, and run "
                    "again on one kind, or with common instructions (isa)"
                )


def require_verified_here(notes: Mapping[Path, str]) -> None:
    """Require that the vectors of tables were embedded where the model had been verified.

    Args:
        notes: the note of each table.

    Raises:
        FadError: a table was embedded while `mixed_numerics` was allowed, by a model verified elsewhere.
    """
    for path, note in notes.items():
        if VERIFIED_ELSEWHERE in note:
            raise FadError(
                f"{path}: {note}: allow it (mixed_numerics), or delete the embeddings, statistics and "
                "verification, and run again on one kind"
            )


def joined(numerics: Iterable[str]) -> str:
    """Return the texts of the kinds of machine behind a table as one text: a line for each kind."""
    return "\n".join(sorted({line for text in numerics for line in text.splitlines()}))


def mixed_note(numerics: Iterable[str]) -> str:
    """Return a note that vectors are of several kinds of machine, with the first difference; "" if of one.

    Args:
        numerics: `joined` texts of the kinds of machine; GIVEN is none.
    """
    first, *others = joined(text for text in numerics if text != GIVEN).splitlines() or [""]
    return f"{MIXED} ({short_difference(_difference(first, others[0]))})" if others else ""


def given_note(path: Path) -> str:
    """Return the note on a set whose statistics were given in a file."""
    return f"given as {path.name.replace(';', ',')}, not embedded in this study"


def _mix(one: str, other: str) -> bool:
    try:
        return NumericsKey.parse(one).mixes_with(NumericsKey.parse(other))
    except ValueError:
        return False


def _difference(one: str, other: str) -> str:
    try:
        return NumericsKey.parse(one).differences(NumericsKey.parse(other))
    except ValueError as error:
        return str(error)
