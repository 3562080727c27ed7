"""Scan a batch of shards of data sets."""

from pathlib import Path

from fad_study.script_main import run

from fad_core.datasets.policy import DEFAULTS, Leftovers


def main(
    shards: str, manifest: Path, leftovers: Leftovers = DEFAULTS.leftovers, loudness: bool = False
) -> None:
    """Hash and decode every audio file of a batch; a bad file becomes a row with its reason, not an error.

    Args:
        shards: JSON list with an object for each shard: `dataset`, `path` (a list), `shards` and `shard`.
        manifest: the table to write.
        leftovers: whether files that other tools have written there are ignored or used.
        loudness: whether to measure the loudness of each file.
    """
    import json

    from fad_study.steps.files import scan_batch

    from fad_core.util.progress import progress_bar

    with progress_bar(f"scan {manifest.stem}") as progress:
        scan_batch(json.loads(shards), leftovers, manifest, progress, loudness=loudness)


run(main, globals())
