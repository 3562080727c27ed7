"""Sets that are named on the command line: audio, which is embedded, or files of statistics."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fad_core.cli.embedding import Embedding
from fad_core.cli.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from fad_core.embedding.embedded_set import EmbeddedSet
    from fad_core.embedding.scan_and_embed import ScannedSets
    from fad_core.metrics import ChosenMetric
    from fad_core.runner.exported import ExportedModel


_PATTERN = frozenset("*?[")


def comparable_sets(
    names: Sequence[str],
    models: Sequence[str],
    embedding: Embedding,
    metrics: Sequence[ChosenMetric],
    *,
    assume: bool,
    all_pairs: bool = False,
    vectors_of: Sequence[str] = (),
) -> list[list[EmbeddedSet]]:
    """Read the statistics of sets, and embed those that are audio.

    Args:
        names: folders, globs, audio files, lists, or files of embeddings or statistics; the first is the
            reference of metrics that need vectors of the others only.
        models: ids of models; empty: the default model or, if all sets are statistics, their models.
        embedding: how audio is embedded.
        metrics: the metrics by which they are to be compared.
        assume: see `fad_core.api.comparability.same_model`.
        all_pairs: whether each set is compared with each that follows, not the first one with the others.
        vectors_of: names of sets whose single files are scored, which needs their vectors.

    Returns:
        For each model, the sets in the order of `names`.

    Raises:
        FadError: a set cannot be used, the sets are not of the same model, a model lacks an output that a
            metric needs, or files lack a partner that it compares them with.
    """
    from fad_core.api.comparability import same_model
    from fad_core.embedding.statistics_files import is_statistics_file, read_statistics
    from fad_core.errors import FadError
    from fad_core.models import canonical_id, get_model

    models = [canonical_id(name) for name in dict.fromkeys(models)]
    files = [name for name in names if is_statistics_file(name)]
    sounds = [name for name in names if name not in files]
    _require_existing(names)
    needing = dict.fromkeys(vectors_of, "the distance of single files")
    for metric in (each.metric for each in metrics):
        needing |= {name: metric.name for name in names[1:] if metric.needs_vectors_of("evaluation")}
        needing |= {name: metric.name for name in names[:1] if metric.needs_vectors_of("reference")}
    keep, wanted = bool(needing), models or ([DEFAULT_MODEL] if sounds else [])
    stored = {name: read_statistics(name, wanted, keep=keep) for name in files}
    _require_models(models, stored)
    for name, what in needing.items():
        if name in stored and stored[name][0].embeddings is None:
            raise FadError(f"{what} needs vectors, but {name} holds only statistics")
    if not sounds:
        return same_model([stored[name] for name in names], models=models, assume=assume)
    models = models or [DEFAULT_MODEL]
    for model, each in itertools.product(models, metrics):
        each.metric.require_outputs(model, get_model(model).outputs)
    pairs = list(itertools.combinations(names, 2))[: None if all_pairs else len(names) - 1]

    def accept_files(scanned: ScannedSets) -> None:
        _require_partners([pair for pair in pairs if set(pair) <= set(sounds)], metrics, scanned)

    by_model = [
        _embedded(sounds, model, embedding, list(stored.values()), assume, keep, accept_files)
        for model in models
    ]
    found: list[list[EmbeddedSet]] = []
    for model, fresh in zip(models, by_model, strict=True):
        members = [stored[name] if name in stored else [fresh[name]] for name in names]
        found += same_model(members, models=[model], assume=assume)
    return found


def require_different(names: Sequence[str]) -> None:
    """Refuse sets that are given twice.

    Raises:
        click.UsageError: at least one is.
    """
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise click.UsageError(f"{', '.join(twice)} {'is' if len(twice) == 1 else 'are'} given twice")


def _require_existing(names: Sequence[str]) -> None:
    """Report several sets that do not exist in one message; a single one is reported when it is read.

    Raises:
        DatasetError: two or more sets do not exist; the message names all of them.
    """
    from fad_core.datasets.lists import is_list, list_path
    from fad_core.embedding.named_references import NAMED_REFERENCES
    from fad_core.errors import DatasetError

    places = {name: str(list_path(name)) if is_list(name) else _expanded(name) for name in names}
    missing = [
        name
        for name, place in places.items()
        if not (_PATTERN & set(name) or os.path.lexists(place) or name in NAMED_REFERENCES)
    ]
    if len(missing) > 1:
        raise DatasetError("; ".join(f"{name} does not exist" for name in missing))


def _expanded(name: str) -> str:
    # Unlike pathlib's method, this one raises no error for an unknown user; the reader of the set reports it.
    return os.path.expanduser(name)  # noqa: PTH111


def _require_models(models: Sequence[str], stored: Mapping[str, Sequence[EmbeddedSet]]) -> None:
    """Check that each model is a model of this package or of one of the files.

    Raises:
        UnknownModelError: a model is neither.
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
    accept_files: Callable[[ScannedSets], object],
) -> dict[str, EmbeddedSet]:
    """Embed the sets that are audio by one model."""
    from fad_core.api.comparability import describe, same_model, without_vectors
    from fad_core.errors import FadError

    # If the key of a file already shows that it is of another model, it is refused before audio is scanned.
    if ours := [each for each in stored if not each[0].foreign]:
        ((head, *_),) = same_model(ours, models=[model])
        asked = embedding.weights
        if asked in ("official", "seeded") and asked != head.key.weights:
            raise FadError(
                f"{head.name} was made with {describe(head)}, but {asked} weights were requested: "
                "choose the same with --weights"
            )

    def accept(exported: ExportedModel) -> None:
        # Otherwise it is refused after the scan, when the model is loaded, before audio is embedded.
        ours = without_vectors(sounds[0], exported.use, exported.key, asdict(exported.identity))
        same_model([[ours], *stored], models=[model], assume=assume)

    _, done = embedding.embed_sets(sounds, model, keep=keep, accept=accept, accept_files=accept_files)
    return done


def _require_partners(
    pairs: Iterable[tuple[str, str]], metrics: Sequence[ChosenMetric], scanned: ScannedSets
) -> None:
    """Check that files which a metric compares one with the other are there, before any is embedded."""
    from fad_core.errors import FadError
    from fad_core.metrics.pairing import require_partners

    used = {
        name: [each.record.file for each in decisions if each.status != "excluded"]
        for name, decisions in scanned.decisions.items()
    }
    for metric, (reference, evaluation) in itertools.product(metrics, pairs):
        try:
            require_partners(metric.options, used[reference], used[evaluation])
        except FadError as error:
            raise FadError(f"{metric.metric.name} of {reference} and {evaluation}: {error}") from error
