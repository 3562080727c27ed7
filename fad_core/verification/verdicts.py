"""Verdicts of the verification, for steps that require one.

Separate from the code that gives verdicts: an edit there renews the verdicts, but not the steps that require
them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from fad_core.datasets import file_sha256
from fad_core.errors import VerificationError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
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

_REMEDY = "delete it and run again"
_OTHER_KIND = (
    "to compute on this kind of machine, delete it and the folders embeddings and statistics of each study "
    "that used it, and run again here; a study that runs on several kinds needs a results folder for each"
)
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


def levels_of(model: EmbeddingModel) -> Sequence[Level]:
    """Return the levels that a model must have passed: without golden embeddings, only the eager one."""
    return LEVELS if model.verification.golden is not None else ("eager",)


def note_of(model: EmbeddingModel) -> str:
    """Return the note of results by a model without golden embeddings; "" for other models."""
    if set(levels_of(model)) == set(LEVELS):
        return ""
    return f"{NOT_COMPARED}: {model.name} has no golden embeddings"


def require_verified(
    tables: Sequence[Path],
    needed: Collection[Verified],
    numerics: NumericsKey | None = None,
    exported: Path | None = None,
) -> None:
    """Require that tables of verification show that models have passed all their levels.

    Args:
        tables: paths of the tables; they must be of these models only.
        needed: the models with their weights.
        numerics: kind of the machine that will compute; None if nothing is computed.
        exported: the `.pt2` that will be run; None if none is.

    Raises:
        VerificationError: a comparison failed, a table is empty or of another model, other weights, another
            file or another kind of machine, or there is no table of a level of a model.
        FadError: a table is missing or damaged.
    """
    rows = [row for table in tables for row in _passed(table, needed, numerics)]
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
        for level in levels_of(get_model(each.model)):
            if not any(row["level"] == level and each.has(row) for row in rows):
                named = ", ".join(map(str, tables)) or "no table"
                raise VerificationError(
                    f"{each} is not verified at the level {level!r} by {named}: run that step"
                )


def _passed(table: Path, needed: Collection[Verified], numerics: NumericsKey | None) -> list[dict[str, Any]]:
    """Return the rows of a table, if all are of the needed models, hold for this machine and have passed."""
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
    if numerics is not None:
        for text in dict.fromkeys(row["numerics"] for row in rows):
            _require_numerics(table, numerics, text)
    return rows


def _require_numerics(table: Path, here: NumericsKey, text: str) -> None:
    try:
        different = here.differences(NumericsKey.parse(text))
    except ValueError as error:
        raise VerificationError(f"{table} does not say for which machines it holds: {_REMEDY}") from error
    if different:
        raise VerificationError(
            f"{table} was made on a machine that computes differently (here {different}): {_OTHER_KIND}"
        )
