"""Read the embeddings of a data set from the tables of its shards."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.embedding.facts import EmbeddingFacts, facts_of
from fad_core.errors import FadError
from fad_core.tables.files import damaged
from fad_core.tables.parquet import open_parquet, read_metadata, readable
from fad_core.tables.schemas import EMBEDDINGS

FileVectors = tuple[str, NDArray[np.float32]]

_BATCH_VALUES = 2**18
"""Number of values of one shard in memory at a time: 1 MB of float32, besides their row group."""


def iterate_embeddings(paths: Iterable[Path | str], output: str = "") -> Iterator[FileVectors]:
    """Yield each file and its vectors `[n, D]`, float32, of all shards in the order of file names.

    Results computed in this order do not depend on the number of shards. For each shard, memory holds one row
    group of 4 MB and the embeddings of one file.

    Args:
        paths: EMBEDDINGS tables, each sorted by file, output and window; they may be empty.
        output: name of the model's output; "": the main one.

    Raises:
        FadError: a table is missing, damaged, not sorted, has another D than the others, or has a file that
            another one has too.
    """
    previous: str | None = None
    dimension: int | None = None
    shards = [((file, path, x) for file, x in _files_of(path, output)) for path in map(Path, paths)]
    for file, path, embeddings in heapq.merge(*shards, key=itemgetter(0)):
        if file == previous:
            raise FadError(f"{path}: another table has {file!r} too: delete the outdated one")
        if dimension not in (None, embeddings.shape[1]):
            raise FadError(
                f"{path}: embeddings of {embeddings.shape[1]} dimensions, but other tables have "
                f"{dimension}: they come from different models; delete it and run again"
            )
        previous, dimension = file, embeddings.shape[1]
        yield file, embeddings


def read_embedding_counts(paths: Iterable[Path | str]) -> dict[str, int]:
    """Return the number of vectors of the main output of each file, without reading the vectors.

    Args:
        paths: EMBEDDINGS tables of all shards of a data set.

    Raises:
        FadError: a table is missing, damaged, or not a table of embeddings.
    """
    counts: dict[str, int] = {}
    for path in map(Path, paths):
        with readable(path), open_parquet(EMBEDDINGS, path) as source:
            table = source.read(["file", "output"], use_threads=False)
            if len(table) != source.metadata.num_rows:
                raise damaged(path, ValueError(f"{len(table)} of {source.metadata.num_rows} rows"))
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        main = ""
        for file, output in rows:
            main = main or output
            if output == main:
                counts[file] = counts.get(file, 0) + 1
    return counts


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


def _files_of(path: Path, output: str) -> Iterator[FileVectors]:
    """Yield each file and its vectors from one shard."""
    previous: str | None = None
    for file, pieces in groupby(_runs_of(path), key=itemgetter(0)):
        if previous is not None and file < previous:
            raise _unsorted(path)
        previous = file
        parts = []
        expected: dict[str, int] = {}
        for _, name, windows, vectors in pieces:
            first = expected.get(name, 0)
            if not np.array_equal(windows, np.arange(first, first + len(windows))):
                raise _unsorted(path)
            expected[name] = first + len(windows)
            output = output or name
            if name == output:
                parts.append(vectors)
        if parts:
            yield file, np.concatenate(parts)


def _runs_of(path: Path) -> Iterator[tuple[str, str, NDArray[np.int32], NDArray[np.float32]]]:
    """Yield runs of rows of the same file and output, `(file, output, windows [n], vectors [n, D])`.

    Long runs are divided into pieces.
    """
    with open_parquet(EMBEDDINGS, path) as source:
        missing = source.metadata.num_rows
        if missing == 0:
            return
        widths: dict[str, int] = {}
        batches = source.iter_batches(max(1, _BATCH_VALUES // _mean_width(path, source)), use_threads=False)
        while missing:
            with readable(path):
                batch = next(batches, None)
                if batch is None:
                    break
                column = batch.column("embedding")
                # Not `to_numpy`, which imports pandas.
                values: NDArray[Any] = np.from_dlpack(column.flatten())
                windows: NDArray[Any] = np.from_dlpack(batch.column("window"))
                lengths = column.value_lengths().to_pylist()
                names = (batch.column(name).to_pylist() for name in ("file", "output"))
                keys = list(zip(*names, strict=True))
            if not np.isfinite(values).all():
                raise FadError(f"{path}: the embeddings hold NaN or infinity: delete it and run again")
            missing -= len(keys)
            row = place = 0
            for (file, output), rows in groupby(keys):
                stop = row + sum(1 for _ in rows)
                width = widths.setdefault(output, lengths[row])
                if lengths[row:stop] != [width] * (stop - row):
                    raise FadError(f"{path}: the embeddings differ in length: delete it and run again")
                end = place + width * (stop - row)
                yield file, output, windows[row:stop], values[place:end].reshape(stop - row, width)
                row, place = stop, end
        if missing:
            raise damaged(path, ValueError(f"{missing} rows fewer than were written"))


def _mean_width(path: Path, source: Any) -> int:
    """Return the mean length of the vectors of the first row group."""
    # The vectors are the last column: this is the number of all their values.
    with readable(path):
        group = source.metadata.row_group(0)
        width: int = group.column(group.num_columns - 1).num_values // max(1, group.num_rows)
    if width < 1:
        raise FadError(f"{path}: the embeddings have no dimensions: delete it and run again")
    return width


def _unsorted(path: Path) -> FadError:
    return FadError(f"{path}: the rows are not sorted by file, output and window: delete it and run again")
