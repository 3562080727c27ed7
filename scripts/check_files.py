"""Check the files of all data sets before anything is embedded."""

from pathlib import Path

from fad_study.script_main import run


def main(
    manifests: list[Path],
    models: list[str],
    checked: Path,
    policy: str = "",
) -> None:
    """Fail with one list of all files that cannot be used, unless the options allow to leave them out.

    Args:
        manifests: manifests of the scan, .../{dataset}/{shard}.parquet.
        models: name=id of each model, followed by its settings, as in "clap=clap-630k crop=first".
        checked: the JSON file of counts to write.
        policy: options for files that differ from the defaults, as in "on_bad_file=skip on_short_file=pad".
    """
    from fad_study.steps.check import check_files
    from fad_study.study_models import parse_models

    from fad_core.datasets.policy import parse_policy

    check_files(manifests, parse_models(models), parse_policy(policy), checked)


run(main, globals())
