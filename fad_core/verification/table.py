"""Writing verdicts, as tables and as text. `fad_core.verification.verdicts` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fad_core.datasets import file_sha256
from fad_core.models import find_network
from fad_core.runner.identity import read_identity
from fad_core.runner.numerics import numerics_key
from fad_core.tables.files import write_table
from fad_core.tables.schemas import VERIFICATION
from fad_core.verification.check import Check
from fad_core.verification.verdicts import Verified


def verification_rows(
    checks: Sequence[Check], exported: Iterable[Path], device: str = "cpu"
) -> list[dict[str, Any]]:
    """Return rows of the table VERIFICATION, for checks that were made on this machine.

    Args:
        checks: the checks.
        exported: the `.pt2` files that were verified; rows about others do not name a hash.
        device: the verified device; the rows name the GPU if it is one.
    """
    numerics = {
        name: str(numerics_key(find_network(name), device)) for name in {check.model for check in checks}
    }
    hashes = {Verified.of(read_identity(path)): file_sha256(path) for path in exported}
    return [
        {
            **asdict(check),
            "check": number,
            "checks": len(checks),
            "numerics": numerics[check.model],
            "exported_sha256": hashes.get(Verified(check.model, check.weights, check.weights_sha256), ""),
        }
        for number, check in enumerate(checks, start=1)
    ]


def write_verification(
    checks: Sequence[Check], exported: Iterable[Path], table: Path, device: str = "cpu"
) -> None:
    """Write `verification_rows` as a .csv or .parquet file."""
    write_table(VERIFICATION, verification_rows(checks, exported, device), table)


def verification_text(name: str, rows: Sequence[Check]) -> str:
    """Return a line for each level and quantity: the number of comparisons and the largest difference."""
    lines = []
    for level in sorted({row.level for row in rows}):
        for quantity in sorted({row.quantity for row in rows if row.level == level}):
            chosen = [row for row in rows if (row.level, row.quantity) == (level, quantity)]
            worst = max(chosen, key=lambda row: row.max_relative_difference)
            verdict = "passed" if all(row.verdict == "passed" for row in chosen) else "FAILED"
            lines.append(
                f"{name}  {level}  {quantity}: {verdict}, {len(chosen)} comparisons, "
                f"largest relative difference {worst.max_relative_difference:.3g} ({worst.case}), "
                f"tolerance {worst.tolerance:.3g}\n"
            )
    return "".join(lines)
