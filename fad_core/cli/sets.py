"""Sets as they are named on the command line: sound to be embedded, or statistics in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from fad_core.cli.embedding import Embedding
from fad_core.cli.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from fad_core.embedding.embedded_set import EmbeddedSet
    from fad_core.runner.exported import ExportedModel


_PATTERN = frozenset("*?[")


def comparable_sets(
    names: Sequence[str], models: Sequence[str], embedding: Embedding, *, assume: bool, keep: bool = False
) -> list[list[EmbeddedSet]]:
    """The sets of that name by each model, in order; what is sound is embedded now.

    Args:
        names: folders, globs, audio files, `.npy` files of embeddings, or files of statistics.
        models: ids; none: the default one, or with statistics alone whatever they are of.
        embedding: how sound is embedded.
        assume: see `fad_core.api.comparability.same_model`.
        keep: whether the vectors of sound are kept beside their statistics.

    Raises:
        FadError: a set cannot be used, or they are not of the same model.
    """
    from fad_core.api.comparability import same_model
    from fad_core.api.statistics_files import is_statistics_file, read_statistics
    from fad_core.models import canonical_id

    models = [canonical_id(name) for name in dict.fromkeys(models)]
    files = [name for name in names if is_statistics_file(name)]
    sounds = [name for name in names if name not in files]
    _require_there(names)
    stored = {name: read_statistics(name, models or ([DEFAULT_MODEL] if sounds else [])) for name in files}
    _require_models(models, stored)
    if not sounds:
        return same_model([stored[name] for name in names], models=models, assume=assume)
    models = models or [DEFAULT_MODEL]
    by_model = [_embedded(sounds, model, embedding, list(stored.values()), assume, keep) for model in models]
    found: list[list[EmbeddedSet]] = []
    for model, fresh in zip(models, by_model, strict=True):
        members = [stored[name] if name in stored else [fresh[name]] for name in names]
        found += same_model(members, models=[model], assume=assume)
    return found


def _require_there(names: Sequence[str]) -> None:
    """Refuse several sets that are not there by one message; a single one is refused by its reader.

    Raises:
        DatasetError: names all of them.
    """
    from fad_core.errors import DatasetError

    missing = [name for name in names if not (_PATTERN & set(name) or os.path.lexists(_expanded(name)))]
    if len(missing) > 1:
        raise DatasetError("; ".join(f"data set {name}: {name} does not exist" for name in missing))


def _expanded(name: str) -> str:
    # Unlike that of pathlib, it leaves a user that does not exist to be named by what reads the set.
    return os.path.expanduser(name)  # noqa: PTH111


def _require_models(models: Sequence[str], stored: Mapping[str, Sequence[EmbeddedSet]]) -> None:
    """Refuse a model that does not exist, here or in the files.

    Raises:
        UnknownModelError: it does not.
    """
    from fad_core.models import get_model

    held = {each.key.model for sets in stored.values() for each in sets}
    for model in models:
        if model not in held:
            get_model(model)


def _embedded(
    sounds: Sequence[str],
    model: str,
    embedding: Embedding,
    stored: Sequence[Sequence[EmbeddedSet]],
    assume: bool,
    keep: bool,
) -> dict[str, EmbeddedSet]:
    """The sets that are sound, by one model."""
    from fad_core.api.comparability import describe, same_model
    from fad_core.errors import FadError

    # Files of another model are refused before hours of audio are scanned, if their names tell, …
    if ours := [each for each in stored if not each[0].foreign]:
        ((head, *_),) = same_model(ours, models=[model])
        asked = embedding.weights
        if asked in ("official", "seeded") and asked != head.key.weights:
            raise FadError(
                f"{head.name} was made with {describe(head)}, but {asked} weights were requested: "
                "choose the same with --weights"
            )

    def accept(exported: ExportedModel) -> None:
        # … and else before they are embedded.
        same_model([[_nothing_by(exported, sounds[0])], *stored], models=[model], assume=assume)

    _, done = embedding.embed_sets(sounds, model, keep=keep, accept=accept)
    return done


def _nothing_by(exported: ExportedModel, name: str) -> EmbeddedSet:
    """What a set by this model will say of itself."""
    import numpy as np

    from fad_core.embedding.embedded_set import EmbeddedSet
    from fad_core.metrics.statistics import Statistics

    dimension = 1 if exported.use.takes_scalars else exported.model.dimension
    empty = Statistics(1, np.zeros(dimension), np.zeros((dimension, dimension)))
    statistics = {exported.model.main_output: empty}
    return EmbeddedSet(name, exported.key, statistics, identity=asdict(exported.identity))
