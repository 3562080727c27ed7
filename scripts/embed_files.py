"""Embed a batch of shards of data sets."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run

from fad_core.util.instructions import Isa


def main(
    exported: Path,
    model: str,
    shards: str,
    manifest: Path,
    decisions: Path,
    embeddings: Path,
    verdicts: list[Path],
    settings: str = "",
    threads: int = 1,  # noqa: ARG001 - read by run
    cache: Path | None = None,
    cache_gb: float = 20.0,
    isa: Isa = "native",  # noqa: ARG001 - read by run
    mixed_numerics: Literal["refuse", "allow"] = "refuse",
) -> None:
    """Embed the files of a batch with a verified model, and write one row for each vector.

    Args:
        exported: the .pt2 file.
        model: name of the model in the study.
        shards: JSON list with an object for each shard: `dataset` and `path` (a list).
        manifest: manifest of the scan of the batch.
        decisions: table of the decisions on all files.
        embeddings: the table to write.
        verdicts: tables of verification of the model, which must have passed on a machine of this kind.
        settings: settings of the model that differ from the defaults, as in "crop=windows hop_seconds=5.0".
        threads: number of numeric threads.
        cache: folder of cached embeddings; without it, every file is embedded.
        cache_gb: size that the cache may have, in GB (10^9 bytes).
        isa: instruction set that numeric libraries use: native (all that the processor has) or avx2.
        mixed_numerics: whether verdicts of machines that compute differently are refused or allowed.
    """
    import json

    from fad_study.steps.embeddings import embed_batch
    from fad_study.steps.files import dataset_at

    from fad_core.embedding.cached import cache_of
    from fad_core.models import get_model
    from fad_core.runner.backend import parse_settings, resolve_device
    from fad_core.runner.exported import ExportedModel
    from fad_core.runner.identity import read_identity
    from fad_core.runner.numerics import numerics_key
    from fad_core.util.progress import progress_bar
    from fad_core.verification.verdicts import Verified, note_of, require_verified

    options, backend = parse_settings(settings)
    identity = read_identity(exported)
    described = get_model(identity.model)
    numerics = numerics_key(described, resolve_device(backend.device))
    mixed = mixed_numerics == "allow"
    elsewhere = require_verified(verdicts, [Verified.of(identity)], numerics, exported, mixed=mixed)
    note = "; ".join(filter(None, (note_of(described), elsewhere)))
    loaded = ExportedModel(exported, options, backend, origin="own", identity=identity, note=note)
    # The manifest has decided on leftovers of other tools: here, all files are only located.
    datasets = {
        shard["dataset"]: dataset_at(shard["dataset"], shard["path"], leftovers="use")
        for shard in json.loads(shards)
    }
    cached = None if cache is None else cache_of(loaded, cache, cache_gb)
    with progress_bar(f"embed {manifest.stem} by {model}") as progress:
        embed_batch(loaded, model, datasets, manifest, decisions, embeddings, cached, progress)


run(main, globals())
