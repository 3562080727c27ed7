"""List every file of every data set, with the decision on it."""

from pathlib import Path

from fad_study.script_main import run


def main(
    manifests: list[Path],
    embeddings: list[Path],
    decisions: Path,
    names: list[str],
    models: list[str],
    files: list[Path],
    datasets: list[Path],
    labels: str,
    given: list[Path] | None = None,
    ignored: str = "{}",
) -> None:
    """Write the table of files and the table of counts.

    Args:
        manifests: manifests of the scan of all batches.
        embeddings: tables of embeddings, .../{model}/{batch}.parquet.
        decisions: table of the decisions on all files.
        names: names of the data sets, in the order of the study.
        models: name=id of each model, followed by its settings, as in "clap=clap-630k crop=first".
        files: the tables of files to write, all with the same rows.
        datasets: the tables of counts to write, all with the same rows.
        labels: JSON object with what tables for people call each data set.
        given: tables of statistics of the data sets that are given as such.
        ignored: JSON object with a list of [name, reason] of the other files of each data set.
    """
    import json

    from fad_study.steps.listing import collect_files
    from fad_study.study_models import parse_models

    by_name = parse_models(models)
    others, called = json.loads(ignored), json.loads(labels)
    tables = (manifests, embeddings, given or [])
    collect_files(*tables, names, by_name, decisions, others, called, files, datasets)


run(main, globals())
