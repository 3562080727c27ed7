"""Collect the distances of all models in one table."""

from pathlib import Path

from fad_study.script_main import run


def main(
    parts: list[Path],
    verdicts: list[Path],
    models: list[str],
    parquet: Path,
    csv: Path,
) -> None:
    """Write one table of the distances of all models, if all have passed their verification.

    Args:
        parts: tables of distances, one for each model.
        verdicts: tables of verification of the models, all of which must have passed.
        models: name=id of each model, followed by its settings, which do not matter here.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
    """
    from fad_study.steps.distances import collect_distances
    from fad_study.study_models import parse_models

    ids = {name: use.model.name for name, use in parse_models(models).items()}
    collect_distances(parts, ids, verdicts, [parquet, csv])


run(main, globals())
