"""The verdicts of the verification, read by whatever must not run without one.

Apart from what gives them: an edit there makes verdicts anew, and not all that waits for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fad_core.errors import VerificationError
from fad_core.tables.files import read_table
from fad_core.tables.schemas import VERIFICATION


def require_verified(tables: Sequence[Path]) -> None:
    """Refuse to go on without a passed verdict in every table.

    Raises:
        VerificationError: a comparison failed, or there is none.
        FadError: a table is missing or damaged.
    """
    for table in tables:
        rows = read_table(VERIFICATION, table)
        failed = [row["case"] for row in rows if row["verdict"] != "passed"]
        if failed:
            raise VerificationError(f"{table}: the verification failed at {', '.join(failed)}")
        if not rows:
            raise VerificationError(f"{table}: nothing was verified")
