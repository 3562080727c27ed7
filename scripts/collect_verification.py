"""Put the verdicts of all levels of verification of a model into one table."""

from pathlib import Path

from fad_study.script_main import run


def main(tables: list[Path], table: Path) -> None:
    """Write all rows of all tables, in the order given.

    Args:
        tables: the verdicts of each level that was run.
        table: the table to write.
    """
    from fad_study.steps.reference import collect_verifications

    collect_verifications(tables, table)


run(main, globals())
