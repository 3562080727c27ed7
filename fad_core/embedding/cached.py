"""Embed files, or take their embeddings from the cache."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

from fad_core.datasets.decisions import FileDecision
from fad_core.embedding.embed import Load, embed_sounds
from fad_core.embedding.embedded_set import FileEmbeddings
from fad_core.embedding.embedding_cache import DEFAULT_LIMIT_GB, EmbeddingCache, Entry
from fad_core.models import get_model
from fad_core.runner.exported import ExportedModel
from fad_core.runner.identity import export_code
from fad_core.runner.numerics import numerics_key

_Keyed = tuple[str, tuple[FileDecision, Load]]
_PART_SAMPLES = 2**27
"""Number of samples of the files whose embeddings are in memory at one time: half a gigabyte of float32."""


def cache_of(exported: ExportedModel, root: Path, limit_gb: float = DEFAULT_LIMIT_GB) -> EmbeddingCache:
    """Return the cache of a model on this machine; models of one network share it (`shares_with`).

    Args:
        exported: the model.
        root: folder of the caches of all models.
        limit_gb: size that they may have together, in 10⁹ bytes.
    """
    model, identity = exported.model, exported.identity
    if model.shares_with and identity.code == export_code(model):
        model = get_model(model.shares_with)
        identity = replace(identity, model=model.name, code=export_code(model))
    context = {
        "identity": asdict(identity),
        "settings": exported.key.settings,
        "batch_size": exported.batch_size,
        "numerics": str(numerics_key(model, exported.device)),
    }
    return EmbeddingCache(root, context, list(model.outputs), limit_gb)


def embed_cached(
    exported: ExportedModel,
    sounds: Iterable[tuple[FileDecision, Load]],
    workers: int | None = 0,
    cache: EmbeddingCache | None = None,
) -> Generator[FileEmbeddings]:
    """Embed the files that are used or padded, in the order given; those in the cache are not embedded again.

    Of several files with the same content, the first one is embedded. Sound in memory is not cached.

    Args:
        exported: the model.
        sounds: the decision on each file, and what loads it (`fad_core.embedding.embed.embed_sounds`).
        workers: number of threads that load files ahead; None: `ExportedModel.workers`.
        cache: the cache of this model (`cache_of`); None: every file is embedded.

    Yields:
        The embeddings of each file, the same to the last bit with any cache.

    Raises:
        AudioError: as `embed_sounds`, for files that are not in the cache.
    """
    if cache is None:
        yield from _embed(exported, sounds, workers)
        return
    used = [(_key(sound[0]), sound) for sound in sounds if sound[0].status != "excluded"]
    cache.look_up(key for key, _ in used)
    try:
        for part in _parts(used):
            yield from _embed_part(exported, part, workers, cache)
    finally:
        cache.flush()


def _embed_part(
    exported: ExportedModel, part: Sequence[_Keyed], workers: int | None, cache: EmbeddingCache
) -> Iterator[FileEmbeddings]:
    # In memory before the first file is embedded: another process may remove packs at any time.
    entries = {key: cache.get(key) for key, _ in part}
    missing = {key: sound for key, sound in part if entries[key] is None}
    with closing(_embed(exported, missing.values(), workers)) as stream:
        for key, (decision, _) in part:
            entry = entries[key]
            if entry is None:
                embedded = next(stream)
                entry = entries[key] = Entry(embedded.start_seconds, embedded.vectors)
                # The key is that of the kernels.
                if not _in_memory(decision) and not exported.fell_back:
                    cache.put(key, entry)
            in_order = {name: entry.vectors[name] for name in exported.model.outputs}
            yield FileEmbeddings(decision.record.file, entry.start_seconds, in_order)


def _embed(
    exported: ExportedModel, sounds: Iterable[tuple[FileDecision, Load]], workers: int | None
) -> Generator[FileEmbeddings]:
    """Embed files with the model's network, which is loaded only if there are files."""
    sounds = list(sounds)
    if sounds:
        yield from embed_sounds(exported, sounds, exported.workers if workers is None else workers)


def _parts(used: Sequence[_Keyed]) -> Iterator[Sequence[_Keyed]]:
    """Divide files into parts of bounded size, whose embeddings are in memory at one time."""
    start = held = 0
    for place, (_, (decision, _)) in enumerate(used):
        held += decision.record.frames * decision.record.channels
        if held >= _PART_SAMPLES:
            yield used[start : place + 1]
            start, held = place + 1, 0
    yield used[start:]


def _key(decision: FileDecision) -> str:
    """Return the key of a file: 40 digits that depend on its content, its gain, and whether it is padded."""
    record = decision.record
    # Arrays in memory are not cached: their hash is that of float32, and they may be float64.
    content = (
        record.sha256,
        record.sound_sha256,
        decision.status,
        record.file if _in_memory(decision) else "",
        *([] if decision.gain is None else [repr(decision.gain)]),
    )
    return blake2b("\0".join(content).encode(), digest_size=20).hexdigest()


def _in_memory(decision: FileDecision) -> bool:
    return decision.record.format == "array"
