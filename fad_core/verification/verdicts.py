"""The verdicts of the verification, read by whatever must not run without one.

Apart from what gives them: an edit there makes verdicts anew, and not all that waits for one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fad_core.errors import VerificationError
from fad_core.tables.files import read_table
from fad_core.tables.schemas import VERIFICATION

LEVELS = ("eager", "golden")
"""Those without which nothing is embedded."""

_REMEDY = "delete it and run again"
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

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a table of verification is about it.

        The golden level proves the code with the seeded weights, whatever weights are used.
        """
        if row["level"] == "golden" and self.weights != "seeded":
            return bool((row["model"], row["weights"]) == (self.model, "seeded"))
        return bool((row["model"], row["weights"], row["weights_sha256"]) == self)

    def __str__(self) -> str:
        return f"{self.model} ({self.weights}, sha256 {self.weights_sha256[:8]}…)"


def require_verified(
    tables: Sequence[Path], needed: Collection[Verified], levels: Sequence[str] = LEVELS
) -> None:
    """Refuse to go on unless these tables say, and say nothing else, that all that is needed has passed.

    Args:
        tables: of verification.
        needed: the models with their weights.
        levels: that each of them must have passed.

    Raises:
        VerificationError: a comparison failed, a table has none or is of another model or other weights, or
            no table is of a level of a model.
        FadError: a table is missing or damaged.
    """
    rows = [row for table in tables for row in _passed(table, needed)]
    for each in needed:
        for level in levels:
            if not any(row["level"] == level and each.has(row) for row in rows):
                named = ", ".join(map(str, tables)) or "no table"
                raise VerificationError(
                    f"{each} is not verified at the level {level!r} by {named}: run that step"
                )


def _passed(table: Path, needed: Collection[Verified]) -> list[dict[str, Any]]:
    """The rows of a table, if all are of what is needed and have passed."""
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
    return rows
