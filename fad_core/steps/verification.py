"""Verdicts as tables: written by the verification, read by whatever must not run without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from fad_core.tables import VERIFICATION, read_table, write_table
from fad_core.verify import Comparison, require_passed


def write_verification(rows: Sequence[Comparison], table: Path) -> None:
    """Write comparisons as a table of the schema VERIFICATION."""
    write_table(VERIFICATION, [asdict(row) for row in rows], table)


def require_verified(tables: Sequence[Path]) -> None:
    """Refuse to go on without a passed verdict in every table.

    Raises:
        VerificationError: a comparison failed, or there is none.
        FadError: a table is missing or damaged.
    """
    for table in tables:
        require_passed([Comparison(**row) for row in read_table(VERIFICATION, table)])
