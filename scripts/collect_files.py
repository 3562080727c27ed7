"""List every file of every data set, used or not, and why."""

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
        manifests: tables of the scan, .../{dataset}/{shard}.parquet.
        embeddings: tables of embeddings, .../{model}/{dataset}/{shard}.parquet.
        models: name=id of each model, and its settings, as in "clap=clap-630k crop=first".
        files: the table of files to write.
        datasets: the table of counts to write.
        policy: what became of files, as in "on_bad_file=skip on_short_file=pad"; the others are the defaults.
        ignored: JSON, by data set, of [name, reason] of what is no audio file.
    """
    import json

    from fad_study.steps.listing import collect_files
    from fad_study.study_models import parse_models

    from fad_core.datasets.policy import parse_policy

    named = parse_models(models)
    collect_files(manifests, embeddings, named, parse_policy(policy), json.loads(ignored), files, datasets)


run(main, globals())
