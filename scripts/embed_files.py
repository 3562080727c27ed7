"""Embed one shard of a data set."""

from pathlib import Path

from fad_study.script_main import run


def main(
    exported: Path,
    dataset: str,
    path: list[str],
    manifest: Path,
    embeddings: Path,
    verdicts: list[Path],
    others: list[Path] | None = None,
    policy: str = "",
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
        others: manifests of all shards of the data set, where duplicates are dropped.
        policy: what becomes of files, as in "on_short_file=pad on_duplicate=drop"; others are the defaults.
        settings: of the model, as in "crop=windows hop_seconds=5.0"; the others are the defaults.
        threads: numeric threads.
    """
    import torch
    from fad_study.steps.embeddings import embed_shard
    from fad_study.steps.files import dataset_of

    from fad_core.datasets.policy import parse_policy
    from fad_core.models.settings import parse_settings
    from fad_core.runner.pt2 import read_identity
    from fad_core.util.progress import progress_bar
    from fad_core.verification.verdicts import Verified, require_verified

    torch.set_num_threads(threads)
    identity = read_identity(exported)
    require_verified(verdicts, [Verified(identity.model, identity.weights, identity.weights_sha256)])
    with progress_bar(f"embed {dataset}/{manifest.stem}") as progress:
        # What is data, the manifest says; here it is only to be found.
        of = dataset_of(dataset, path, leftovers="use")
        chosen, how = parse_policy(policy), parse_settings(settings)
        embed_shard(exported, of, manifest, others or [], chosen, how, embeddings, progress)


run(main, globals())
