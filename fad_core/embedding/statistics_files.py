"""Statistics of a data set as one file: a reference that can be shared.

Ours hold all that tells what they are of (the model, its weights and their hash, its settings, the code that
exported it, what became of the files) beside `(n, mean, factor)`:

* `.npz`: NumPy arrays, no pickles: the columns of the table STATISTICS under their names, and `identity`,
  the exported model's identity as JSON;
* `.parquet`: that table with one row, the identity in its metadata; the pipeline's statistics are such files.

Embeddings in the form of the table EMBEDDINGS, `.parquet` too, are reduced to their statistics.

Those of others are read too (`fad_core.embedding.foreign_statistics`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.facts import identity_of
from fad_core.embedding.foreign_statistics import (
    LISTED,
    is_foreign_cache,
    numbers_of,
    read_foreign,
    read_foreign_cache,
    read_named,
    usable,
)
from fad_core.embedding.named_references import (
    NAMED_REFERENCES,
    find_reference,
    named_reference,
)
from fad_core.embedding.statistics_table import require_dimension, set_from_rows, set_to_rows
from fad_core.errors import FadError
from fad_core.metrics.grouping import GROUPS
from fad_core.tables.arrays import Archive, Header
from fad_core.tables.files import read_table, write_table
from fad_core.tables.schemas import EMBEDDINGS, STATISTICS
from fad_core.util.atomic import atomic_path

__all__ = ["read_statistics", "write_statistics"]

_SUFFIXES = (".npz", ".parquet")
_KEY = ("model", "weights", "weights_sha256", "settings", "dataset")

_BESIDE = ("identity", "note")
_GROUPS = ("group_n", "group_files", "group_means", "group_rows")
"""Arrays that files of earlier versions lack."""
_OURS = {*STATISTICS.names, *_BESIDE} - {*_GROUPS}
_KINDS = {"string": "U", "int64": "iu", "float64": "f"}
_TEXT_BYTES = 4_000_000
"""Of a text in a `.npz` at most, at 4 bytes a character; identities have some thousands."""


def is_statistics_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of statistics or embeddings: by its suffix, as a name, or as another's cache.

    >>> is_statistics_file("reference.npz"), is_statistics_file("audio/reference")
    (True, False)
    """
    named = Path(path).suffix in _SUFFIXES or os.fspath(path) in NAMED_REFERENCES
    return named or is_foreign_cache(path)


def write_statistics(embedded: EmbeddedSet, path: Path) -> None:
    """Write a set's statistics atomically; the same set gives the same bytes.

    Args:
        embedded: the set, as `embed_sets` or `read_statistics` returns it.
        path: path of the file, which ends in .npz or .parquet.

    Raises:
        ValueError: it ends in something else.
        FadError: the set has several outputs, or is known by mean and covariance alone, for a .npz.
        OutputError: the file cannot be written.

    >>> from fad_core.api.model_cache import verified_model
    >>> from fad_core.api.scoring import embed_sets
    >>> sets = embed_sets({"reference": "audio/reference"}, verified_model("tiny", "seeded"))
    >>> from pathlib import Path
    >>> write_statistics(sets["reference"], Path("reference.npz"))
    """
    require_file_for(path, embedded.statistics)
    if path.suffix == ".npz" and embedded.counts is None:
        raise FadError(
            f"{path}: a .npz has counts of files, which are unknown here: write a .parquet instead"
        )
    rows = set_to_rows(embedded)
    identity = json.dumps(dict(embedded.identity), sort_keys=True) if embedded.identity else ""
    extra = {"identity": identity, "note": embedded.note}
    if path.suffix == ".parquet":
        write_table(STATISTICS, rows, path, extra)
    elif path.suffix == ".npz":
        arrays: dict[str, Any] = {key: np.array(value) for key, value in (rows[0] | extra).items()}
        with atomic_path(path) as temporary:
            np.savez(temporary, **arrays)
    else:
        raise ValueError(f"{path}: statistics are written as {' or '.join(_SUFFIXES)}")


def require_file_for(path: Path, outputs: Collection[str]) -> None:
    """Require that a file of statistics can hold the outputs of a model.

    Args:
        path: ends in .npz or .parquet.
        outputs: names of the outputs.

    Raises:
        FadError: it ends in .npz, and there are several outputs.
    """
    if path.suffix == ".npz" and len(outputs) > 1:
        raise FadError(f"{path}: a .npz holds one output, not {', '.join(outputs)}: write a .parquet instead")


def read_statistics(
    path: Path | str, models: Collection[str] = (), *, keep: bool = False
) -> list[EmbeddedSet]:
    """Read the statistics of a data set for one or several models, from this or another package.

    Args:
        path: path of the file, which ends in .npz or .parquet; or of a table of embeddings of one data set
            (.parquet); or the name of a reference (`fad_core.embedding.named_references`); or a folder in
            which fadtk or kadtk keeps what it has computed of a set (`fad_core.embedding.foreign_caches`).
            It becomes the set's name.
        models: ids of the models to read, if another package's file holds several; none: all of them.
        keep: whether the embeddings are kept beside the statistics, if the file holds them.

    Returns:
        An embedded set for each model; at least one.

    Raises:
        FadError: the file is missing or damaged, is not of a known kind (of this package, fadtk or
            pytorch-fid), or does not hold a mean and a covariance.

    >>> np.savez("theirs.npz", mu=np.zeros(2), sigma=np.eye(2))  # as pytorch-fid writes them
    >>> (reference,) = read_statistics("theirs.npz")
    >>> reference.source, reference.statistics_of().dimension
    ('pytorch-fid', 2)
    """
    if Path(path).suffix == ".parquet":
        return _read_parquet(str(path), keep)
    if is_foreign_cache(path):
        return [read_foreign_cache(path, keep=keep)]
    place = find_reference(path)
    with _opened(place) as archive:
        if set(archive.names) >= _OURS:
            return [_read_ours(str(path), archive)]
        if reference := named_reference(place):
            return read_named(str(path), archive, reference, models)
        if found := read_foreign(str(path), archive, models):
            return found
        raise _unknown(str(path), archive)


def _unknown(name: str, archive: Archive) -> FadError:
    """Return the error of a file of no known kind."""
    missing = sorted(_OURS - set(archive.names))
    if 2 * len(missing) < len(_OURS):
        return FadError(f"{name}: these statistics of fad-core lack {', '.join(missing)}")
    listed = ", ".join(sorted(archive.names)[:LISTED]) + (", …" if len(archive.names) > LISTED else "")
    return FadError(
        f"{name} holds {listed or 'nothing'}; expected the statistics of fad-core, of fadtk (model.mu, "
        "model.cov) or of pytorch-fid (mu, sigma)"
    )


def _read_parquet(name: str, keep: bool) -> list[EmbeddedSet]:
    from fad_core.tables.parquet import read_metadata, schema_name

    try:
        if schema_name(name) == EMBEDDINGS.name:
            from fad_core.embedding.embeddings_reader import read_embedded_set

            return [read_embedded_set(name, keep=keep)]
        rows = read_table(STATISTICS, name)
    except FadError as error:
        # What the pipeline makes again may be all that its receiver has.
        raise FadError(str(error).removesuffix(": delete it and run again")) from error
    if not rows:
        raise FadError(f"{name}: the table is empty")
    metadata = read_metadata(STATISTICS, name)
    by_key: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(tuple(row[name] for name in _KEY), []).append(row)
    facts = (metadata.get("identity", ""), metadata.get("note", ""))
    return [_ours(name, group, *facts) for group in by_key.values()]


def _opened(path: Path) -> Archive:
    if not path.is_file():
        raise FadError(f"{path}: there is no such file of statistics")
    try:
        return Archive(path)
    except ValueError as error:
        with path.open("rb") as stream:
            single = stream.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
        if single:
            raise FadError(f"{path} is a single array (.npy); expected the arrays of a .npz file") from error
        raise FadError(f"{path} is not a .npz file of arrays, or is incomplete: {error}") from error


def _read_ours(name: str, archive: Archive) -> EmbeddedSet:
    row: dict[str, Any] = {}
    with usable(name):
        for column in STATISTICS.columns:
            if not column.type.startswith("list"):
                row[column.name] = _scalar(archive, column.name, column.type)
        dimension = row["dimension"]
        require_dimension(dimension)
        row["mean"] = archive.read("mean", numbers_of((dimension,)))
        row["factor"] = archive.read("factor", numbers_of((dimension * dimension,)))
        row["sounds"] = archive.read("sounds", partial(_require_sounds, most=row["files"]))
        row |= _read_groups(archive, dimension)
        identity, note = (_scalar(archive, key, "string") for key in _BESIDE)
    return _ours(name, [row], identity, note)


def _read_groups(archive: Archive, dimension: int) -> dict[str, Any]:
    """Read the statistics of groups of files; a file of an earlier version has none."""
    if not set(_GROUPS) <= set(archive.names):
        return {name: np.empty(0) for name in _GROUPS}
    row: dict[str, Any] = {"group_n": archive.read("group_n", partial(_require_sounds, most=GROUPS))}
    heights = np.minimum(row["group_n"] - 1, dimension).clip(0)
    row["group_files"] = archive.read("group_files", partial(_require_sounds, most=len(heights)))
    row["group_means"] = archive.read("group_means", numbers_of((len(heights) * dimension,)))
    row["group_rows"] = archive.read("group_rows", numbers_of((int(heights.sum()) * dimension,)))
    return row


def _scalar(archive: Archive, name: str, kind: str) -> Any:
    def accept(header: Header) -> None:
        if header.shape != () or header.dtype.kind not in _KINDS[kind] or header.bytes > _TEXT_BYTES:
            raise ValueError(f"it holds {header.dtype} {list(header.shape)}; expected one {kind}")

    value = archive.read(name, accept).item()
    return float(value) if kind == "float64" else value


def _require_sounds(header: Header, most: int) -> None:
    """Require one whole number for each of at most so many."""
    if header.dtype != np.int64 or len(header.shape) != 1 or header.shape[0] > most:
        raise ValueError(f"it holds {header.dtype} {list(header.shape)}; expected int64, at most {most}")


def _ours(name: str, rows: Sequence[Mapping[str, Any]], identity: str, note: str) -> EmbeddedSet:
    with usable(name):
        known = identity_of(identity, rows[0]["weights_sha256"])
        return replace(set_from_rows(rows), name=name, identity=known, note=note)
