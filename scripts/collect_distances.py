"""Collect the distances of all models in one table."""

from pathlib import Path

from fad_study.script_main import run


def main(
    parts: list[Path],
    verdicts: list[Path],
    models: list[str],
    parquet: Path,
    csv: Path,
    near_copies_parts: list[Path] | None = None,
    near_copies: list[Path] | None = None,
    file_values_parts: list[Path] | None = None,
    file_values: list[Path] | None = None,
) -> None:
    """Write one table of the distances of all models, if all have passed their verification, and others.

    Args:
        parts: tables of distances, one for each model.
        verdicts: tables of verification of the models, all of which must have passed.
        models: name=id of each model, followed by its settings, which do not matter here.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
        near_copies_parts: tables of near copies, one for each model.
        near_copies: the tables of near copies to write, .parquet and .csv.
        file_values_parts: tables of the values of single files, one for each model.
        file_values: the tables of values of single files to write, .parquet and .csv.
    """
    from fad_study.steps.distances import collect_distances
    from fad_study.study_models import parse_models

    from fad_core.tables import FILE_VALUES, NEAR_COPIES

    ids = {name: use.model.name for name, use in parse_models(models).items()}
    others = [
        (NEAR_COPIES, near_copies_parts or (), near_copies or ()),
        (FILE_VALUES, file_values_parts or (), file_values or ()),
    ]
    collect_distances(parts, ids, verdicts, [parquet, csv], others)


run(main, globals())
