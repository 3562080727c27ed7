"""Embed one shard of a data set."""

from pathlib import Path
from typing import Literal

from fad_core.command import run


def main(
    exported: Path,
    dataset: str,
    path: list[str],
    manifest: Path,
    embeddings: Path,
    verdicts: list[Path],
    on_short_file: Literal["fail", "skip", "pad"] = "fail",
    threads: int = 1,
) -> None:
    """Embed the files of a shard with a verified model; one row a vector.

    Args:
        exported: the .pt2 file.
        dataset: name of the data set.
        path: a folder, a glob, or files.
        manifest: the shard's table of the scan.
        embeddings: the table to write.
        verdicts: the model's tables of verification; none may have failed.
        on_short_file: what becomes of files below the model's minimum.
        threads: numeric threads.
    """
    import torch

    from fad_core.progress import file_progress
    from fad_core.steps.embeddings import embed_shard
    from fad_core.steps.files import dataset_of
    from fad_core.steps.verdicts import require_verified

    torch.set_num_threads(threads)
    require_verified(verdicts)
    with file_progress(f"embed {dataset}/{manifest.stem}") as progress:
        embed_shard(exported, dataset_of(dataset, path), manifest, on_short_file, embeddings, progress)


run(main, globals())
