"""The embeddings of a data set, read from the tables of its shards."""

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
from fad_core.tables.parquet import open_parquet, read_metadata, readable
from fad_core.tables.readable import damaged
from fad_core.tables.schemas import EMBEDDINGS

FileVectors = tuple[str, NDArray[np.float32]]

_BATCH_VALUES = 2**18
"""Numbers of one shard in memory at a time: 1 MB of float32, and the row group it comes from."""


def iterate_embeddings(paths: Iterable[Path | str], output: str = "") -> Iterator[FileVectors]:
    """Each file's vectors `[n, D]`, float32, from all shards of a data set in the order of file names.

    So what is computed from them does not depend on the number of shards. Of each shard, memory holds
    one row group of 4 MB and one file's embeddings.

    Args:
        paths: EMBEDDINGS tables, each sorted by file, output and window; empty ones are fine.
        output: name of the model's output; "": the main one.

    Raises:
        FadError: a table is missing, damaged, not sorted, of another D than the others, or has a file
            that another one has too.
    """
    previous: str | None = None
    dimension: int | None = None
    shards = [((file, path, x) for file, x in _files_of(path, output)) for path in map(Path, paths)]
    for file, path, embeddings in heapq.merge(*shards, key=itemgetter(0)):
        if file == previous:
            raise FadError(f"{path}: another table has {file!r} too: delete the one that is left over")
        if dimension not in (None, embeddings.shape[1]):
            raise FadError(
                f"{path}: embeddings of {embeddings.shape[1]} dimensions, where other tables have "
                f"{dimension}: they are of different models; delete it and run again"
            )
        previous, dimension = file, embeddings.shape[1]
        yield file, embeddings


def read_embedding_counts(paths: Iterable[Path | str]) -> dict[str, int]:
    """How many vectors of the main output each file gave, from all shards; the vectors are not read.

    Raises:
        FadError: a table is missing, damaged, or not one of embeddings.
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
    """Read what the metadata of a table of embeddings says.

    Raises:
        FadError: the table is missing, damaged, not one of embeddings, or does not say what it is of.
    """
    metadata = read_metadata(EMBEDDINGS, path)
    try:
        return facts_of(metadata)
    except ValueError as error:
        raise FadError(
            f"{path}: its metadata does not say what was embedded ({error}): delete it and run again"
        ) from error


def _files_of(path: Path, output: str) -> Iterator[FileVectors]:
    """Each file's vectors from one shard."""
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
    """Runs of rows with the same file and output, `(file, output, windows [n], vectors [n, D])`.

    Long runs come in pieces.
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
                # As `to_numpy`, which imports pandas.
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
            raise damaged(path, ValueError(f"{missing} rows less than were written"))


def _mean_width(path: Path, source: Any) -> int:
    """How many numbers a vector of the first row group has, on average."""
    # The vectors are the last column, so this is the number of all their values.
    with readable(path):
        group = source.metadata.row_group(0)
        width: int = group.column(group.num_columns - 1).num_values // max(1, group.num_rows)
    if width < 1:
        raise FadError(f"{path}: the embeddings have no dimensions: delete it and run again")
    return width


def _unsorted(path: Path) -> FadError:
    return FadError(f"{path}: the rows are not sorted by file, output and window: delete it and run again")
