"""The verdicts of the verification, read by whatever must not run without one.

Apart from what gives them: an edit there makes verdicts anew, and not all that waits for one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from fad_core.errors import VerificationError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.runner.numerics import NumericsKey
from fad_core.tables.files import read_table
from fad_core.tables.schemas import VERIFICATION

if TYPE_CHECKING:
    from fad_core.runner.pt2 import Identity

Level = Literal["eager", "golden"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""Those without which nothing is embedded."""

NOT_COMPARED = "unverified against the original package"
"""What a result says of a model that has passed all its levels, of which golden is none."""

_REMEDY = "delete it and run again"
_OTHER_KIND = (
    "to compute on this kind of machine, delete it and run again here; a study that runs on several kinds "
    "needs a results folder for each"
)
_NAMED = 3


class Verified(NamedTuple):
    """What must have been verified.

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
        """Whether a row of a table of verification is about it.

        The golden level proves the code with the seeded weights, whatever weights are used.
        """
        if row["level"] == "golden" and self.weights != "seeded":
            return bool((row["model"], row["weights"]) == (self.model, "seeded"))
        return bool((row["model"], row["weights"], row["weights_sha256"]) == self)

    def __str__(self) -> str:
        return f"{self.model} ({self.weights}, sha256 {self.weights_sha256[:8]}…)"


def levels_of(model: EmbeddingModel) -> Sequence[Level]:
    """The levels that a model must have passed: without golden embeddings there is only the eager one."""
    return LEVELS if model.verification.golden is not None else ("eager",)


def note_of(model: EmbeddingModel) -> str:
    """What a result must say of levels that were not run; "" if there are none."""
    if set(levels_of(model)) == set(LEVELS):
        return ""
    return f"{NOT_COMPARED}: {model.name} has no golden embeddings"


def require_verified(
    tables: Sequence[Path], needed: Collection[Verified], numerics: NumericsKey | None = None
) -> None:
    """Refuse to go on unless these tables say, and say nothing else, that all that is needed has passed.

    Args:
        tables: of verification.
        needed: the models with their weights; each must have passed all its levels.
        numerics: the key of the machine that is to compute; None where nothing is computed.

    Raises:
        VerificationError: a comparison failed, a table has none or is of another model, other weights or
            another kind of machine, or no table is of a level of a model.
        FadError: a table is missing or damaged.
    """
    rows = [row for table in tables for row in _passed(table, needed, numerics)]
    for each in needed:
        for level in levels_of(get_model(each.model)):
            if not any(row["level"] == level and each.has(row) for row in rows):
                named = ", ".join(map(str, tables)) or "no table"
                raise VerificationError(
                    f"{each} is not verified at the level {level!r} by {named}: run that step"
                )


def _passed(table: Path, needed: Collection[Verified], numerics: NumericsKey | None) -> list[dict[str, Any]]:
    """The rows of a table, if all are of what is needed, hold here and have passed."""
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
