"""Data sets of a study that are given as a file of statistics, or as a table of embeddings.

They are not scanned or embedded. Their model, weights and settings must be those of the study.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fad_core.api.comparability import same_model, without_vectors
from fad_core.datasets import file_sha256
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.named_references import NAMED_REFERENCES
from fad_core.embedding.statistics_files import is_statistics_file, read_statistics
from fad_core.errors import FadError
from fad_core.metrics.base import ROLES, Metric
from fad_core.models import get_model
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.backend import resolve_backend, settings_text
from fad_study.study_models import StudyModel

REMEDY = "give statistics that were made with that model, these weights and settings, or the audio of the set"
"""What to do if a file is of another model."""

FETCHED = Path("results/references")
"""Where a study keeps its copies of named references."""


def located(path: str, root: str = "") -> str:
    """Return the `path` of a data set below the folder of all audio; the name of a reference as it is.

    >>> located("a/*.wav", "audio"), located("fma_pop", "audio")
    ('audio/a/*.wav', 'fma_pop')
    """
    return path if path in NAMED_REFERENCES else str(Path(root).expanduser() / Path(path).expanduser())


def is_given(path: str | Collection[str], root: str = "") -> bool:
    """Return whether the `path` of a data set is that of statistics or embeddings.

    Args:
        path: as the configuration has it.
        root: folder that it is relative to.

    >>> is_given("reference.npz"), is_given("audio/reference"), is_given(["a.wav", "b.wav"])
    (True, False, False)
    """
    return isinstance(path, str) and is_statistics_file(located(path, root))


def given_path(path: str, model: str) -> Path:
    """Return the file of a model.

    Args:
        path: as the configuration has it, where {model} stands for the name of the model; or the name of a
            reference.
        model: that name.

    >>> given_path("statistics/{model}/reference.parquet", "vggish").as_posix()
    'statistics/vggish/reference.parquet'
    >>> given_path("fma_pop", "vggish").as_posix()
    'results/references/fma_pop.npz'
    """
    return FETCHED / f"{path}.npz" if path in NAMED_REFERENCES else Path(path.replace("{model}", model))


def content_of(path: Path) -> str:
    """Return a hash of what a file or folder of statistics holds.

    Args:
        path: what `given_path` returns; a named reference need not be there.
    """
    if path.parent == FETCHED:
        return NAMED_REFERENCES[path.stem].sha256
    if path.is_file():
        return file_sha256(path)
    hashes = [f"{file_sha256(file)} {file.name}\n" for file in sorted(path.glob("*.npy"))]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def validate_given(
    datasets: Mapping[str, Mapping[str, Any]],
    given: Collection[str],
    metrics: Iterable[Metric],
    pairs: Collection[tuple[str, str]],
) -> Iterator[str]:
    """Yield a message for each setting that such sets cannot have, and each metric that cannot use them.

    Args:
        datasets: the entries of the configuration, with all defaults filled in.
        given: names of those that are statistics or embeddings.
        metrics: of the study.
        pairs: (reference, evaluation), names of the sets that are compared.
    """
    for name, entry in datasets.items():
        if name in given and entry["shards"] != 1:
            yield f"datasets: {name}: shards has no effect on a file of statistics"
        if name not in given and entry.get("assume_same_model"):
            yield f"datasets: {name}: assume_same_model has no effect on audio"
    for metric in metrics:
        needed = {
            name
            for pair in pairs
            for role, name in zip(ROLES, pair, strict=True)
            if metric.needs_vectors_of(role)
        }
        for name in given:
            if name in needed:
                yield (
                    f"metrics: {metric.name} needs vectors, and the data set {name} is a file of statistics: "
                    "give its audio, or leave out the metric"
                )


def study_set(
    model: StudyModel, weights: str, weights_sha256: str, identity: Mapping[str, Any] | None = None
) -> EmbeddedSet:
    """Return a set by a model of a study, without statistics, with which sets that are given are compared.

    Args:
        model: the model.
        weights: what results call its weights.
        weights_sha256: their hash; its first digits, if they are not fetched yet.
        identity: of the exported model; None if it is not exported yet.
    """
    on_cpu = resolve_backend(replace(model.backend, device="cpu"), model.options)  # the GPU may be elsewhere
    backend = replace(model.backend, runner=on_cpu.runner)
    use = ModelUse(get_model(model.id), model.options)
    settings = settings_text(use.text, backend)
    key = ModelKey(model.id, weights, weights_sha256, settings)
    return without_vectors("this study", use, key, identity or {})


def select_statistics(
    path: Path, name: str, wanted: EmbeddedSet, *, assume: bool = False, whole: bool = True
) -> EmbeddedSet:
    """Select the statistics of a model from a file.

    Args:
        path: of the file, which ends in .npz or .parquet.
        name: of the model in the study; files that another study wrote without the model's id may have it.
        wanted: what `study_set` gives.
        assume: whether statistics of another package are taken for those of this model.
        whole: whether a table of embeddings is reduced to its statistics; otherwise, only what it says of its
            model is read, and a named reference need not be there.

    Raises:
        FadError: the file is missing or damaged, or is not of this model, with these weights and settings.
    """
    model = wanted.key.model
    held = read_statistics(path, [model]) if whole else _held(path, model)
    try:
        ((_, found),) = same_model([[wanted], [_named(each, name, wanted) for each in held]], assume=assume)
    except FadError as error:
        if error.settings:
            raise
        raise FadError(f"{error}: {REMEDY}") from error
    return found


def _held(path: Path, model: str) -> list[EmbeddedSet]:
    """Return the sets in a file; without statistics, if it is a table of embeddings or a named reference."""
    from fad_core.embedding.embeddings_reader import read_embedding_facts
    from fad_core.tables import EMBEDDINGS
    from fad_core.tables.parquet import schema_name

    if path.parent == FETCHED:
        reference = NAMED_REFERENCES[path.stem]
        key = reference.key_of(model)
        held = without_vectors(reference.name, ModelUse(get_model(model)), key, {})
        return [replace(held, source=reference.conventions)]
    if not path.exists():
        raise FadError(f"{path} does not exist")
    if path.suffix != ".parquet" or schema_name(path) != EMBEDDINGS.name:
        return read_statistics(path, [model])
    facts = read_embedding_facts(path)
    identity = facts.identity
    key = ModelKey(
        str(identity.get("model", "")), identity["weights"], identity["weights_sha256"], facts.settings
    )
    return [EmbeddedSet(str(path), key, {}, identity=identity)]


def _named(held: EmbeddedSet, name: str, wanted: EmbeddedSet) -> EmbeddedSet:
    """Return a set with the names that the study has for its model and weights, if they are the same."""
    key, other = held.key, wanted.key
    if held.identity.get("model", key.model) in (name, other.model) or key.model == other.model:
        key = replace(key, model=other.model)
    if key.weights_sha256.startswith(other.weights_sha256):
        key = replace(key, weights=other.weights, weights_sha256=other.weights_sha256)
    return replace(held, key=key)
