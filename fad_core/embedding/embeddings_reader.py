"""Read the embeddings of a data set from the tables that hold its files: one, or those of batches."""

from __future__ import annotations

import heapq
import json
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.embedding.facts import EmbeddingFacts, facts_of, identity_of
from fad_core.embedding.precomputed import file_statistics
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import Vectors
from fad_core.models.use import ModelKey
from fad_core.tables.files import damaged
from fad_core.tables.parquet import open_parquet, read_metadata, readable
from fad_core.tables.schemas import EMBEDDINGS

FileVectors = tuple[str, NDArray[np.float32]]

_BATCH_VALUES = 2**18
"""Number of values of one table in memory at a time: 1 MB of float32, besides their row group."""


def iterate_embeddings(paths: Iterable[Path | str], dataset: str, output: str = "") -> Iterator[FileVectors]:
    """Yield each file of a data set and its vectors `[n, D]`, float32, in the order of file names.

    Results computed in this order do not depend on shards and batches. For each table, memory holds one row
    group of 4 MB and the embeddings of one file.

    Args:
        paths: EMBEDDINGS tables, each sorted by data set, file, output and segment; some may hold nothing of
            the data set.
        dataset: name of the data set.
        output: name of the model's output; "": the main one.

    Raises:
        FadError: a table is missing, damaged, not sorted, has another D than the others, or has a file that
            another one has too.
    """
    previous: str | None = None
    dimension: int | None = None
    tables = [((file, path, x) for file, x in _files_of(path, dataset, output)) for path in map(Path, paths)]
    for file, path, embeddings in heapq.merge(*tables, key=itemgetter(0)):
        if file == previous:
            raise FadError(f"{path}: another table has {file!r} too: delete the outdated one")
        if dimension not in (None, embeddings.shape[1]):
            raise FadError(
                f"{path}: embeddings of {embeddings.shape[1]} dimensions, but other tables have "
                f"{dimension}: they come from different models; delete it and run again"
            )
        previous, dimension = file, embeddings.shape[1]
        yield file, embeddings


def read_embedding_counts(paths: Iterable[Path | str]) -> dict[str, dict[str, int]]:
    """Return the number of vectors of the main output of each file, by data set, without reading the vectors.

    Args:
        paths: EMBEDDINGS tables by one model.

    Raises:
        FadError: a table is missing, damaged, or not a table of embeddings, or has a file that another one
            has too.
    """
    counts: dict[str, dict[str, int]] = {}
    for path in map(Path, paths):
        with readable(path), open_parquet(EMBEDDINGS, path) as source:
            table = source.read(["dataset", "file", "output"], use_threads=False)
            if len(table) != source.metadata.num_rows:
                raise damaged(path, ValueError(f"{len(table)} of {source.metadata.num_rows} rows"))
            rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        for (dataset, file), found in groupby(rows, key=itemgetter(0, 1)):
            outputs = [output for *_, output in found]
            by_file = counts.setdefault(dataset, {})
            if file in by_file:
                raise FadError(f"{path}: another table has {file!r} too: delete the outdated one")
            by_file[file] = outputs.count(outputs[0])
    return counts


def read_vector_statistics(
    paths: Iterable[Path | str], dataset: str, files: Collection[str], output: str, *, scalars: bool
) -> Statistics:
    """Return the statistics of the vectors of a data set, computed in the order of file names.

    Args:
        paths: EMBEDDINGS tables by one model.
        dataset: name of the data set.
        files: names of its files (`read_embedding_counts`).
        output: name of the model's output.
        scalars: whether the vectors are taken for scalars.

    Raises:
        FadError: as `iterate_embeddings`.
    """
    return file_statistics(iterate_embeddings(paths, dataset, output), files, scalars=scalars)


def read_embedded_set(path: str, *, keep: bool = False) -> EmbeddedSet:
    """Read a table of embeddings of one data set, as the command writes it.

    Args:
        path: an EMBEDDINGS table. It becomes the set's name.
        keep: whether the embeddings are kept beside the statistics.

    Raises:
        FadError: the table is missing, damaged, not a table of embeddings, or holds none, or several sets.
    """
    facts = read_embedding_facts(path)
    found = read_embedding_counts([path])
    if len(found) != 1:
        raise FadError(
            f"{path} holds embeddings of {len(found)} data sets ({', '.join(found) or 'none'}); expected one"
        )
    ((dataset, files),) = found.items()
    counts = facts.counts.get(dataset)
    if counts is None or counts.files != len(files):
        raise FadError(f"{path}: the embeddings are not of the files that its metadata counts")
    vectors: dict[str, Vectors] = {file: {} for file in files}
    for output in facts.outputs if keep else ():
        for file, block in iterate_embeddings([path], dataset, output):
            vectors[file] = {**vectors[file], output: block}
    weights, sha256 = facts.identity["weights"], facts.identity["weights_sha256"]
    try:
        identity = identity_of(json.dumps(facts.identity), sha256)
    except ValueError as error:
        raise FadError(f"{path}: these embeddings cannot be used: {error}") from error
    return EmbeddedSet(
        path,
        ModelKey(str(identity.get("model", "")), weights, sha256, facts.settings),
        {
            output: read_vector_statistics([path], dataset, files, output, scalars=facts.scalars)
            for output in facts.outputs
        },
        counts,
        identity=identity,
        embeddings=[
            FileEmbeddings(file, np.full(files[file], np.nan), vectors[file]) for file in sorted(files)
        ]
        if keep
        else None,
        note=facts.note,
    )


def read_embedding_facts(path: Path | str) -> EmbeddingFacts:
    """Read the metadata of a table of embeddings.

    Args:
        path: an EMBEDDINGS table.

    Raises:
        FadError: the table is missing, damaged, not a table of embeddings, or lacks metadata.
    """
    metadata = read_metadata(EMBEDDINGS, path)
    try:
        return facts_of(metadata)
    except ValueError as error:
        raise FadError(
            f"{path}: its metadata does not say what was embedded ({error}): delete it and run again"
        ) from error


def _files_of(path: Path, dataset: str, output: str) -> Iterator[FileVectors]:
    """Yield each file of a data set and its vectors from one table."""
    previous: str | None = None
    for file, pieces in groupby(_runs_of(path, dataset), key=itemgetter(0)):
        if previous is not None and file < previous:
            raise _unsorted(path)
        previous = file
        parts = []
        expected: dict[str, int] = {}
        for _, name, segments, vectors in pieces:
            first = expected.get(name, 0)
            if not np.array_equal(segments, np.arange(first, first + len(segments))):
                raise _unsorted(path)
            expected[name] = first + len(segments)
            output = output or name
            if name == output:
                parts.append(vectors)
        if parts:
            yield file, np.concatenate(parts)


def _runs_of(path: Path, dataset: str) -> Iterator[tuple[str, str, NDArray[np.int32], NDArray[np.float32]]]:
    """Yield runs of rows of the same file and output of a data set, `(file, output, segments, vectors)`.

    Segments are `[n]`, vectors `[n, D]`. Long runs are divided into pieces. Row groups without the data set
    are not read.
    """
    with open_parquet(EMBEDDINGS, path) as source:
        groups = _groups_with(path, source, dataset)
        if not groups:
            return
        missing = sum(source.metadata.row_group(group).num_rows for group in groups)
        widths: dict[str, int] = {}
        size = max(1, _BATCH_VALUES // _mean_width(path, source, groups[0]))
        batches = source.iter_batches(size, row_groups=groups, use_threads=False)
        while missing:
            with readable(path):
                batch = next(batches, None)
                if batch is None:
                    break
                column = batch.column("embedding")
                # Not `to_numpy`, which imports pandas.
                values: NDArray[Any] = np.from_dlpack(column.flatten())
                segments: NDArray[Any] = np.from_dlpack(batch.column("segment"))
                lengths = column.value_lengths().to_pylist()
                names = (batch.column(name).to_pylist() for name in ("dataset", "file", "output"))
                keys = list(zip(*names, strict=True))
            if not np.isfinite(values).all():
                raise FadError(f"{path}: the embeddings hold NaN or infinity: delete it and run again")
            missing -= len(keys)
            row = place = 0
            for (owner, file, output), rows in groupby(keys):
                stop = row + sum(1 for _ in rows)
                width = widths.setdefault(output, lengths[row])
                if lengths[row:stop] != [width] * (stop - row):
                    raise FadError(f"{path}: the embeddings differ in length: delete it and run again")
                end = place + width * (stop - row)
                if owner == dataset:
                    yield file, output, segments[row:stop], values[place:end].reshape(stop - row, width)
                row, place = stop, end
        if missing:
            raise damaged(path, ValueError(f"{missing} rows fewer than were written"))


def _groups_with(path: Path, source: Any, dataset: str) -> list[int]:
    """Return the row groups with rows of a data set.

    The column itself is read: the bounds of its values, in the footer, are not covered by a checksum.
    """
    with readable(path):
        names = source.read(["dataset"], use_threads=False).column(0).to_pylist()
        if len(names) != source.metadata.num_rows:
            raise damaged(path, ValueError(f"{len(names)} of {source.metadata.num_rows} rows"))
        if names != sorted(names):
            raise _unsorted(path)
        first, end = bisect_left(names, dataset), bisect_right(names, dataset)
        starts = [0]
        for group in range(source.num_row_groups):
            starts.append(starts[-1] + source.metadata.row_group(group).num_rows)
    return [
        group
        for group in range(source.num_row_groups)
        if max(first, starts[group]) < min(end, starts[group + 1])
    ]


def _mean_width(path: Path, source: Any, number: int) -> int:
    """Return the mean length of the vectors of a row group."""
    # The vectors are the last column: this is the number of all their values.
    with readable(path):
        group = source.metadata.row_group(number)
        width: int = group.column(group.num_columns - 1).num_values // max(1, group.num_rows)
    if width < 1:
        raise FadError(f"{path}: the embeddings have no dimensions: delete it and run again")
    return width


def _unsorted(path: Path) -> FadError:
    return FadError(
        f"{path}: the rows are not sorted by data set, file, output and segment: delete it and run again"
    )
