"""Write a study's distances by system and category, to be correlated with ratings."""

from pathlib import Path

from fad_study.script_main import run


def main(distances: Path, sets: str, table: Path) -> None:
    """Write a CSV table with the columns embedding, system, category, fad, weights.

    Args:
        distances: the table of distances.
        sets: JSON object with [system, category] of each data set.
        table: the table to write.
    """
    import json

    from fad_study.steps.papers import write_system_table

    chosen = {name: (system, category) for name, (system, category) in json.loads(sets).items()}
    write_system_table(distances, chosen, table)


run(main, globals())
