"""Collect the verdicts on a model of all levels of verification in one table."""

from pathlib import Path

from fad_study.script_main import run


def main(tables: list[Path], table: Path) -> None:
    """Write all rows of all tables, in the given order.

    Args:
        tables: tables of verification, one for each level that was run.
        table: the table to write.
    """
    from fad_study.steps.reference import collect_verifications

    collect_verifications(tables, table)


run(main, globals())
