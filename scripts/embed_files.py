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
    settings: str = "",
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
        settings: of the model, as in "crop=windows hop_seconds=5.0"; the others are the defaults.
        threads: numeric threads.
    """
    import torch

    from fad_core.progress import file_progress
    from fad_core.pt2 import read_identity
    from fad_core.settings import parse_settings
    from fad_core.steps.embeddings import embed_shard
    from fad_core.steps.files import dataset_of
    from fad_core.steps.verdicts import Verified, require_verified

    torch.set_num_threads(threads)
    identity = read_identity(exported)
    require_verified(verdicts, [Verified(identity.model, identity.weights, identity.weights_sha256)])
    with file_progress(f"embed {dataset}/{manifest.stem}") as progress:
        of = dataset_of(dataset, path)
        embed_shard(exported, of, manifest, on_short_file, parse_settings(settings), embeddings, progress)


run(main, globals())
