"""List every file of every data set, with the decision on it."""

from pathlib import Path

from fad_study.script_main import run


def main(
    manifests: list[Path],
    embeddings: list[Path],
    models: list[str],
    files: Path,
    datasets: Path,
    policy: str = "",
    ignored: str = "{}",
) -> None:
    """Write the table of files and the table of counts.

    Args:
        manifests: manifests of the scan, .../{dataset}/{shard}.parquet.
        embeddings: tables of embeddings, .../{model}/{dataset}/{shard}.parquet.
        models: name=id of each model, followed by its settings, as in "clap=clap-630k crop=first".
        files: the table of files to write.
        datasets: the table of counts to write.
        policy: options for files that differ from the defaults, as in "on_bad_file=skip on_short_file=pad".
        ignored: JSON object with a list of [name, reason] of the other files of each data set.
    """
    import json

    from fad_study.steps.listing import collect_files
    from fad_study.study_models import parse_models

    from fad_core.datasets.policy import parse_policy

    by_name = parse_models(models)
    collect_files(manifests, embeddings, by_name, parse_policy(policy), json.loads(ignored), files, datasets)


run(main, globals())
