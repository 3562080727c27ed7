"""Scan one shard of a data set."""

from pathlib import Path

from fad_study.script_main import run

from fad_core.datasets.policy import DEFAULTS, Leftovers


def main(
    dataset: str,
    path: list[str],
    manifest: Path,
    shards: int = 1,
    shard: int = 0,
    leftovers: Leftovers = DEFAULTS.leftovers,
) -> None:
    """Hash and decode every audio file of a shard; a bad file becomes a row with its reason, not an error.

    Args:
        dataset: name of the data set.
        path: a folder, a glob, or files.
        manifest: the table to write.
        shards: number of shards of the data set.
        shard: which of them, from 0.
        leftovers: whether files that other tools have written there are ignored or used.
    """
    from fad_study.steps.files import dataset_at, scan_shard

    from fad_core.util.progress import progress_bar

    with progress_bar(f"scan {dataset}/{shard}") as progress:
        scan_shard(dataset_at(dataset, path, leftovers), shards, shard, manifest, progress)


run(main, globals())
