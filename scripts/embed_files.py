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
    """Embed the files of a shard with a verified model, and write one row for each vector.

    Args:
        exported: the .pt2 file.
        dataset: name of the data set.
        path: a folder, a glob, or files.
        manifest: the shard's manifest of the scan.
        embeddings: the table to write.
        verdicts: tables of verification of the model, which must have passed on a machine of this kind.
        others: manifests of all shards of the data set; needed if duplicates are dropped.
        policy: options for files that differ from the defaults, as in "on_short_file=pad on_duplicate=drop".
        settings: settings of the model that differ from the defaults, as in "crop=windows hop_seconds=5.0".
        threads: number of numeric threads.
    """
    import torch
    from fad_study.steps.embeddings import embed_shard
    from fad_study.steps.files import dataset_at

    from fad_core.datasets.policy import parse_policy
    from fad_core.models import get_model
    from fad_core.runner.backend import parse_settings
    from fad_core.runner.exported import ExportedModel
    from fad_core.runner.numerics import numerics_key
    from fad_core.runner.pt2 import read_identity
    from fad_core.util.progress import progress_bar
    from fad_core.verification.verdicts import Verified, note_of, require_verified

    torch.set_num_threads(threads)
    options, backend = parse_settings(settings)
    note = note_of(get_model(read_identity(exported).model))
    model = ExportedModel(exported, options, backend, origin="own", note=note)
    numerics = numerics_key(model.model, model.device)
    require_verified(verdicts, [Verified.of(model.identity)], numerics=numerics)
    with progress_bar(f"embed {dataset}/{manifest.stem}") as progress:
        # The manifest has decided on leftovers of other tools: here, all files are only located.
        located = dataset_at(dataset, path, leftovers="use")
        embed_shard(model, located, manifest, others or [], parse_policy(policy), embeddings, progress)


run(main, globals())
