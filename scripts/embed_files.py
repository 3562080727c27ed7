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
        verdicts: the model's tables of verification; none may have failed, and they must have been made on a
            machine of this kind.
        others: manifests of all shards of the data set, where duplicates are dropped.
        policy: what becomes of files, as in "on_short_file=pad on_duplicate=drop"; others are the defaults.
        settings: of the model, as in "crop=windows hop_seconds=5.0"; the others are the defaults.
        threads: numeric threads.
    """
    import torch
    from fad_study.steps.embeddings import embed_shard
    from fad_study.steps.files import dataset_of

    from fad_core.datasets.policy import parse_policy
    from fad_core.models import get_model
    from fad_core.runner.backend import parse_settings
    from fad_core.runner.exported import ExportedModel
    from fad_core.runner.numerics import numerics_key
    from fad_core.runner.pt2 import read_identity
    from fad_core.util.progress import file_progress
    from fad_core.verification.verdicts import Verified, note_of, require_verified

    torch.set_num_threads(threads)
    options, backend = parse_settings(settings)
    note = note_of(get_model(read_identity(exported).model))
    model = ExportedModel(exported, options, backend, origin="own", note=note)
    require_verified(
        verdicts, [Verified.of(model.identity)], numerics=numerics_key(model.model, model.device)
    )
    with file_progress(f"embed {dataset}/{manifest.stem}") as progress:
        # What is data, the manifest says; here it is only to be found.
        of = dataset_of(dataset, path, leftovers="use")
        embed_shard(model, of, manifest, others or [], parse_policy(policy), embeddings, progress)


run(main, globals())
