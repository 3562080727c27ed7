"""Verdicts of the verification, for steps that require one.

Separate from the code that gives verdicts: an edit there renews the verdicts, but not the steps that require
them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from fad_core.datasets import file_sha256
from fad_core.errors import VerificationError
from fad_core.models import find_network
from fad_core.models.base import NetworkModel
from fad_core.runner.numerics import NumericsKey
from fad_core.tables.files import read_table
from fad_core.tables.schemas import VERIFICATION

if TYPE_CHECKING:
    from fad_core.runner.identity import Identity

Level = Literal["eager", "golden"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""Levels that a model with golden embeddings must have passed before it embeds."""

NOT_COMPARED = "unverified against the original package"
"""Note of results by a model without golden embeddings."""

VERIFIED_ELSEWHERE = "verified on a machine that computes differently"
"""Note of results by a model that was verified on another kind of machine than they were computed on."""

_REMEDY = "delete it and run again"
_OTHER_KIND = (
    "limit all machines to common instructions (isa), or allow the difference (mixed_numerics), or, to "
    "compute on this kind of machine alone, delete it and the folders embeddings and statistics of each "
    "study that used it, and run again here"
)
_SHORT = 100
_NAMED = 3


class Verified(NamedTuple):
    """A model with its weights, as a verification names it.

    Attributes:
        model: id.
        weights: "official", "seeded" or the name of the user's file.
        weights_sha256: of the checkpoint.
    """

    model: str
    weights: str
    weights_sha256: str

    @classmethod
    def of(cls, identity: Identity) -> Verified:
        """Name an exported model and its weights."""
        return cls(identity.model, identity.weights, identity.weights_sha256)

    def has(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row of a table of verification is about it.

        The golden level verifies the code, with seeded weights, for all weights of a model.
        """
        if row["level"] == "golden" and self.weights != "seeded":
            return bool((row["model"], row["weights"]) == (self.model, "seeded"))
        return bool((row["model"], row["weights"], row["weights_sha256"]) == self)

    def __str__(self) -> str:
        return f"{self.model} ({self.weights}, sha256 {self.weights_sha256[:8]}…)"


def levels_of(model: NetworkModel) -> Sequence[Level]:
    """Return the levels that a model must have passed: without golden embeddings, only the eager one."""
    return LEVELS if model.verification.golden is not None else ("eager",)


def note_of(model: NetworkModel) -> str:
    """Return the note of results by a model without golden embeddings; "" for other models."""
    if set(levels_of(model)) == set(LEVELS):
        return ""
    return f"{NOT_COMPARED}: {model.name} has no golden embeddings"


def require_verified(
    tables: Sequence[Path],
    needed: Collection[Verified],
    numerics: NumericsKey | None = None,
    exported: Path | None = None,
    *,
    mixed: bool = False,
) -> str:
    """Require that tables of verification show that models have passed all their levels.

    Args:
        tables: paths of the tables; they must be of these models only.
        needed: the models with their weights.
        numerics: kind of the machine that will compute; None if nothing is computed.
        exported: the `.pt2` that will be run; None if none is.
        mixed: whether a verification by the same code on another kind of machine is accepted.

    Returns:
        A note if it was made on another kind of machine, else "".

    Raises:
        VerificationError: a comparison failed, a table lacks comparisons or is of another model, other
            weights, another file or another kind of machine, or there is no table of a level of a model.
        FadError: a table is missing or damaged.
    """
    passed = [(table, _passed(table, needed)) for table in tables]
    notes = [_compare(table, found, numerics, mixed) for table, found in passed] if numerics else []
    rows = [row for _, found in passed for row in found]
    if exported is not None:
        found = file_sha256(exported)
        # The golden level compares the file with seeded weights.
        others = [row for row in rows if row["level"] == "eager" and row["exported_sha256"] != found]
        if others:
            raise VerificationError(
                f"{exported} is not the file that was verified (sha256 {found[:8]}…, not "
                f"{others[0]['exported_sha256'][:8]}…): delete it and its verification, and run again"
            )
    for each in needed:
        for level in levels_of(find_network(each.model)):
            if not any(row["level"] == level and each.has(row) for row in rows):
                named = ", ".join(map(str, tables)) or "no table"
                raise VerificationError(
                    f"{each} is not verified at the level {level!r} by {named}: run that step"
                )
    return next(filter(None, notes), "")


def short_difference(difference: str) -> str:
    """Shorten `NumericsKey.differences` to a part of a note."""
    return textwrap.shorten(difference.replace("; ", ", "), _SHORT, placeholder=" …")


def _passed(table: Path, needed: Collection[Verified]) -> list[dict[str, Any]]:
    """Return the rows of a table, if none is missing, all are of the needed models, and have passed."""
    rows = read_table(VERIFICATION, table)
    if not rows:
        raise VerificationError(f"{table}: nothing was verified: {_REMEDY}")
    for row in rows:
        if not any(each.has(row) for each in needed):
            found = Verified(row["model"], row["weights"], row["weights_sha256"])
            raise VerificationError(
                f"{table}: a verification of {found}, not of {', '.join(map(str, needed))}: {_REMEDY}"
            )
    failed = [f"level {row['level']}, {row['case']}" for row in rows if row["verdict"] != "passed"]
    if failed:
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        raise VerificationError(
            f"{table}: the verification of {rows[0]['model']} failed at {'; '.join(failed[:_NAMED])}{more}: "
            f"{_REMEDY}"
        )
    _require_all(table, rows)
    return rows


def _require_all(table: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Require that a table has every comparison that its verification made, once."""
    found, count = sorted(row["check"] for row in rows), max(row["checks"] for row in rows)
    if found == [*range(1, len(rows) + 1)] and {row["checks"] for row in rows} == {len(rows)}:
        return
    # No more than it takes to name some: the table may say any number.
    missing = [number for number in range(1, min(count, len(rows) + _NAMED) + 1) if number not in found]
    before = [
        f"{row['case']}, {row['quantity']}" for row in rows if missing and row["check"] == missing[0] - 1
    ]
    what = f"lacks number {', '.join(map(str, missing))}" if missing else "has some twice"
    after = "".join(f" (after {each})" for each in before)
    raise VerificationError(
        f"{table}: the verification of {rows[0]['model']} at the level {rows[0]['level']} has {len(rows)} of "
        f"its {count} comparisons, and {what}{after}: {_REMEDY}"
    )


def _compare(table: Path, rows: Sequence[Mapping[str, Any]], here: NumericsKey, mixed: bool) -> str:
    """Require that a table holds for a machine; return a note if it only does because kinds may be mixed."""
    note = ""
    for text in dict.fromkeys(row["numerics"] for row in rows):
        try:
            there = NumericsKey.parse(text)
        except ValueError as error:
            raise VerificationError(f"{table} does not say for which machines it holds: {_REMEDY}") from error
        if different := here.differences(there):
            if not (mixed and here.mixes_with(there)):
                raise VerificationError(
                    f"{table} was made on a machine that computes differently (here {different}): "
                    f"{_OTHER_KIND}"
                )
            note = f"{VERIFIED_ELSEWHERE} ({short_difference(different)})"
    return note
