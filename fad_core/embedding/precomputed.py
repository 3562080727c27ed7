"""Sets that are given as vectors or statistics."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.datasets.counts import SetCounts
from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.embedding.inputs import Source, is_embeddings_file
from fad_core.embedding.named_references import find_reference
from fad_core.embedding.npy import load_embeddings
from fad_core.embedding.statistics_files import is_statistics_file, read_statistics
from fad_core.errors import DatasetError, FadError
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.statistics import Statistics, statistics_of
from fad_core.models.original_quirks import as_scalars
from fad_core.models.use import ModelKey, ModelUse

NOTE = "given as embeddings or statistics, whose model is taken on trust"


def precomputed_set(name: str, source: Source, use: ModelUse, *, keep: bool = False) -> EmbeddedSet | None:
    """Read a set that is given as vectors or statistics, in memory or in a file; None if it is not.

    Args:
        name: of the set.
        source: the set as it was given.
        use: the model that is assumed to have made it, with its options.
        keep: whether the vectors are kept.

    Returns:
        The set. If it does not name its model, it is assumed to be of this one, and the rest of its key is
        empty.

    Raises:
        DatasetError: they cannot be used.
        FadError: they cannot be of this model, or a file of statistics cannot be read.
    """
    if (
        isinstance(source, str | os.PathLike)
        and is_statistics_file(source)
        and find_reference(source).exists()
    ):
        return _stored_set(source, use, keep=keep)
    vectors, note = None, ""
    if isinstance(source, Statistics):
        statistics = source
    elif isinstance(source, np.ndarray):
        vectors = _vectors(name, source, use)
        statistics = _vector_statistics(vectors, use)
    elif is_embeddings_file(source):
        vectors, note = load_embeddings(Path(os.fspath(source)), use)  # type: ignore[arg-type]
        statistics = _vector_statistics(vectors, use)
    else:
        return None
    expected = 1 if use.takes_scalars else use.model.dimension
    if statistics.dimension != expected:
        raise FadError(
            f"{name} has {statistics.dimension} dimensions, but embeddings of {use.model.name} have "
            f"{expected}: it was embedded by another model"
        )
    output = use.model.main_output
    files = None
    if keep and vectors is not None:
        files = [FileEmbeddings(name, np.full(len(vectors), np.nan), {output: vectors})]
    return EmbeddedSet(
        name,
        ModelKey(use.model.name, "", "", ""),
        {output: statistics},
        SetCounts(files=0, padded=0, excluded=0, seconds=0.0),
        source="vectors",
        embeddings=files,
        note=f"{NOTE}; {note}" if note else NOTE,
    )


def _stored_set(path: str | os.PathLike[str], use: ModelUse, *, keep: bool) -> EmbeddedSet:
    """Read the set of this model from a file of statistics or embeddings."""
    model, held = use.model.name, read_statistics(os.fspath(path), [use.model.name], keep=keep)
    if held[0].foreign and not held[0].key.weights:
        raise FadError(
            f"{path}: {held[0].note}, so it cannot be compared here; if you know that the model is the same, "
            "compare it with the command, which can assume it"
        )
    found = [each for each in held if each.key.model == model]
    if not found:
        names = ", ".join(each.key.model for each in held)
        raise FadError(f"{path} was made with {names}, not {model}: choose that model, or another file")
    return found[0]


def file_statistics(
    by_file: Iterable[tuple[str, NDArray[Any]]], files: Collection[str], *, scalars: bool
) -> Statistics:
    """Compute the statistics of the vectors of files, and of groups of the files.

    Args:
        by_file: names of files and their vectors `[n, D]`, in order.
        files: names of all of the files.
        scalars: whether the vectors are taken for scalars.
    """
    taken = ((name, as_scalars(vectors)) for name, vectors in by_file) if scalars else by_file
    return grouped_statistics(taken, files)


def _vector_statistics(vectors: NDArray[Any], use: ModelUse) -> Statistics:
    """Return the statistics of vectors `[N, D]`, of whose files nothing is known.

    Raises:
        DatasetError: they cannot be embeddings.
    """
    try:
        return statistics_of([as_scalars(vectors) if use.takes_scalars else vectors])
    except ValueError as error:
        raise DatasetError(f"these embeddings cannot be used: {error}") from error


def _vectors(name: str, array: NDArray[Any], use: ModelUse) -> NDArray[Any]:
    sound = "give sound as Waveforms, with its sample rate"
    if array.ndim != 2 or array.dtype.kind != "f":
        raise DatasetError(
            f"data set {name}: an array of {array.dtype} {array.shape}, but embeddings must be floats [N, "
            f"D]; {sound}"
        )
    # Before anything is computed: the statistics of D dimensions take D · D numbers.
    if array.shape[1] != use.model.dimension:
        raise FadError(
            f"{name} has {array.shape[1]} dimensions, but embeddings of {use.model.name} have "
            f"{use.model.dimension}: it was embedded by another model, or does not hold embeddings; {sound}"
        )
    return array
