"""Check the files of all data sets before anything is embedded."""

from pathlib import Path

from fad_study.script_main import run


def main(
    manifests: list[Path],
    datasets: list[str],
    models: list[str],
    decisions: Path,
    policy: str = "",
) -> None:
    """Decide on every file, or fail with one list of all files that cannot be used.

    Args:
        manifests: manifests of the scan of all batches.
        datasets: names of the data sets.
        models: name=id of each model, followed by its settings, as in "clap=clap-630k crop=first".
        decisions: the table of decisions to write.
        policy: options for files that differ from the defaults, as in "on_bad_file=skip on_short_file=pad".
    """
    from fad_study.steps.check import check_files
    from fad_study.study_models import parse_models

    from fad_core.datasets.policy import parse_policy

    check_files(manifests, datasets, parse_models(models), parse_policy(policy), decisions)


run(main, globals())
