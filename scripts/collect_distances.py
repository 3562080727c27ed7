"""Collect the distances of all models in one table."""

from pathlib import Path

from fad_study.script_main import run


def main(
    parts: list[Path],
    verdicts: list[Path],
    models: list[str],
    parquet: Path,
    csv: Path,
    near_parts: list[Path] | None = None,
    near_copies: list[Path] | None = None,
) -> None:
    """Write one table of distances, and one of near copies, if all models have passed their verification.

    Args:
        parts: tables of distances, one for each model.
        verdicts: tables of verification of the models, all of which must have passed.
        models: name=id of each model, followed by its settings, which do not matter here.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
        near_parts: tables of near copies, one for each model.
        near_copies: the tables of near copies to write, .parquet and .csv.
    """
    from fad_study.steps.distances import collect_distances
    from fad_study.study_models import parse_models

    ids = {name: use.model.name for name, use in parse_models(models).items()}
    collect_distances(parts, ids, verdicts, [parquet, csv], near_parts or (), near_copies or ())


run(main, globals())
