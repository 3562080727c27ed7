"""Judge the files of all data sets before anything is embedded."""

from pathlib import Path
from typing import Literal

from fad_core.command import run


def main(
    manifests: list[Path],
    models: list[str],
    checked: Path,
    on_bad_file: Literal["fail", "skip"] = "fail",
    on_short_file: Literal["fail", "skip", "pad"] = "fail",
) -> None:
    """Fail with one list of all files that cannot be used, unless the options allow to go on without them.

    Args:
        manifests: tables of the scan, .../{dataset}/{shard}.parquet.
        models: name=id of each model, and its settings, as in "clap=clap-630k crop=first".
        checked: JSON file of counts to write.
        on_bad_file: what becomes of files that cannot be read whole.
        on_short_file: what becomes of files below a model's minimum.
    """
    from fad_core.models import parse_models
    from fad_core.steps.check import check_files

    check_files(manifests, parse_models(models), on_bad_file, on_short_file, checked)


run(main, globals())
