"""Compute the statistics of data sets' embeddings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import require_enough
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.embeddings_reader import (
    read_embedding_counts,
    read_embedding_facts,
    read_vector_statistics,
)
from fad_core.embedding.statistics_files import write_statistics
from fad_core.embedding.statistics_table import set_to_rows
from fad_core.errors import FadError
from fad_core.models.use import ModelKey
from fad_core.runner.backend import parse_settings
from fad_core.runner.identity import read_identity
from fad_core.tables import STATISTICS, write_table
from fad_core.util.formatting import counted
from fad_study.given_sets import select_statistics, study_set
from fad_study.same_numerics import given_note, joined, require_same_numerics, require_verified_here
from fad_study.study_models import StudyModel


def compute_statistics(
    embeddings: Sequence[Path], model: str, statistics: Mapping[str, Path], *, mixed: bool = False
) -> None:
    """Reduce the embeddings of data sets to (n, mean, factor), in the order of file names.

    Args:
        embeddings: tables of the embeddings of all batches by the model.
        model: name of the model in the study.
        statistics: the table to write for each data set, by its name.
        mixed: whether machines that compute differently are allowed.

    Raises:
        DatasetError: a data set has fewer than 2 vectors.
        FadError: the batches were embedded by different models, with different settings, or on machines that
            compute differently.
    """
    facts = {path: read_embedding_facts(path) for path in embeddings}
    first = next(iter(facts.values()))
    for path, each in facts.items():
        if (each.identity, each.settings, each.outputs) != (first.identity, first.settings, first.outputs):
            raise FadError(
                f"{path} and {embeddings[0]} were embedded by different models, or with different settings: "
                "delete them and run again"
            )
    require_same_numerics({path: each.numerics for path, each in facts.items()}, mixed=mixed)
    if not mixed:
        require_verified_here({path: each.note for path, each in facts.items()})
    identity = first.identity
    vectors = read_embedding_counts(embeddings)
    for dataset, table in statistics.items():
        found = vectors.get(dataset, {})
        require_enough(dataset, model, sum(found.values()))
        holding = {path: each for path, each in facts.items() if dataset in each.counts}
        counts = SetCounts.total([each.counts[dataset] for each in holding.values()])
        if len(found) != counts.files:
            raise FadError(
                f"{dataset} by {model}: vectors of {counted(len(found), 'file')}, but {counts.files} "
                f"{'was' if counts.files == 1 else 'were'} embedded: delete the embeddings and run again"
            )
        embedded = EmbeddedSet(
            dataset,
            ModelKey(model, identity["weights"], identity["weights_sha256"], first.settings),
            {
                output: read_vector_statistics(holding, dataset, found, output, scalars=first.scalars)
                for output in first.outputs
            },
            counts,
        )
        metadata = {
            "identity": json.dumps(identity, sort_keys=True),
            "note": _note([each.note for each in holding.values()]),
            "numerics": joined(each.numerics for each in holding.values()),
        }
        write_table(STATISTICS, set_to_rows(embedded), table, metadata)


def take_statistics(
    given: Path,
    exported: Path,
    model: str,
    settings: str,
    dataset: str,
    statistics: Path,
    *,
    assume: bool = False,
) -> None:
    """Write the statistics of a model that a file holds under the names of the study.

    Args:
        given: file of statistics, or of embeddings of one data set.
        exported: the `.pt2` of the model.
        model: name of the model in the study.
        settings: options and backend of the model that differ from the defaults, as text.
        dataset: name of the data set in the study.
        statistics: the table to write.
        assume: whether statistics of another package are taken for those of this model.

    Raises:
        FadError: the file cannot be read, or is not of this model, with the same weights and settings.
    """
    identity = read_identity(exported)
    used = StudyModel(model, identity.model, identity.weights, *parse_settings(settings))
    wanted = study_set(used, identity.weights, identity.weights_sha256, asdict(identity))
    found = select_statistics(given, model, wanted, assume=assume)
    key = replace(wanted.key, model=model)
    write_statistics(replace(found.noted(given_note(given)), name=dataset, key=key), statistics)


def _note(notes: Sequence[str]) -> str:
    """Join the notes of the batches; a note that not all of them have is marked so."""
    found = sorted({note for note in notes if note})
    return "; ".join(found if len(set(notes)) == 1 else [f"of some files: {note}" for note in found])
