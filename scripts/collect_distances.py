"""Put the distance tables of all models into one."""

from pathlib import Path

from fad_study.script_main import run


def main(parts: list[Path], verdicts: list[Path], models: list[str], parquet: Path, csv: Path) -> None:
    """Write one long table, as Parquet and as CSV, if all models have passed their verification.

    Args:
        parts: the models' tables of distances.
        verdicts: the models' tables of verification; none may have failed.
        models: name=id, one each; settings behind it do not matter here.
        parquet: the Parquet table to write.
        csv: the CSV table to write.
    """
    from fad_study.steps.distances import collect_distances
    from fad_study.study_models import named_id

    ids = dict(map(named_id, models))
    collect_distances(parts, ids, verdicts, [parquet, csv])


run(main, globals())
