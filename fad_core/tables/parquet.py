"""Parquet files of the tables that `schemas` declares. The only module that needs pyarrow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from fad_core.errors import FadError
from fad_core.tables.files import damaged, readable_file
from fad_core.tables.schemas import Column, Schema
from fad_core.tables.values import Values, check_column
from fad_core.util.atomic import atomic_path

_SCHEMA_KEY = "fad_core.schema"
_SEAL_KEY = "fad_core.seal"
"""Pages have checksums, the footer has none: a hash of what it says stands here."""
_GROUP_VALUES = 2**20
"""Numbers a row group: 4 MB of float32, so that a reader of many shards holds little of each."""


def write_parquet(schema: Schema, values: list[Values], path: Path, metadata: Mapping[str, str]) -> None:
    """Write checked columns, and further facts beside them.

    Args:
        schema: what the columns are.
        values: one array or list a column (`fad_core.tables.values.check_columns`).
        path: of the file.
        metadata: the further facts.

    Raises:
        ValueError: the metadata uses a reserved name.
    """
    reserved = {_SCHEMA_KEY, _SEAL_KEY, "ARROW:schema"} & set(metadata)
    if reserved:
        raise ValueError(f"{path}: metadata must not set {', '.join(sorted(reserved))}")
    texts = [column.name for column in schema.columns if column.type == "string"]
    lists = [f"{column.name}.list.element" for column in schema.columns if column.type.startswith("list")]
    count = len(values[0])
    arrow = _arrow_schema(schema, {**metadata, _SEAL_KEY: _seal(schema.name, metadata, count)})
    # The widest value decides how many rows make a group.
    width = max((_width(column) for column in values if count), default=1)
    step = max(1, _GROUP_VALUES // width)
    options = {"compression": "zstd", "compression_level": 1, "write_page_checksum": True}
    # Bytes of like significance side by side compress floats by a further tenth.
    encoding = {"use_dictionary": texts, "use_byte_stream_split": lists}
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, arrow, **options, **encoding) as writer:
        for start in range(0, count, step):
            slices = (column[start : start + step] for column in values)
            arrays = [_arrow_array(part, field.type) for part, field in zip(slices, arrow, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=arrow), row_group_size=step)


def read_parquet(
    schema: Schema, path: Path, only: Mapping[str, Collection[str]] | None = None
) -> list[Values]:
    """Return the columns of a table of this schema.

    Args:
        schema: what the columns are.
        path: of the file.
        only: by the names of text columns, values: only rows that have one of them are returned.

    Raises:
        FadError: the file is missing, damaged, or another table.
    """
    with open_parquet(schema, path) as file:
        table = file.read(use_threads=False)
        if len(table) != file.metadata.num_rows:
            raise damaged(path, ValueError(f"{len(table)} of {file.metadata.num_rows} rows"))
        for name, values in (only or {}).items():
            table = table.filter(pc.is_in(table[name], _arrow_array(sorted(values), pa.string())))
        return [_python(schema, column, table[column.name]) for column in schema.columns]


def read_metadata(schema: Schema, path: Path | str) -> dict[str, str]:
    """Return the metadata that was given when a table of this schema was written.

    Raises:
        FadError: the file is missing, damaged, or another table.
    """
    with open_parquet(schema, Path(path)) as file:
        return _given(_decoded(file))


def schema_name(path: Path | str) -> str:
    """Return the name of the schema of a table; "" if it is not one of this package.

    Raises:
        FadError: the file is missing or damaged.
    """
    with readable(Path(path)), pq.ParquetFile(path) as file:
        return _decoded(file).get(_SCHEMA_KEY, "")


@contextmanager
def open_parquet(schema: Schema, path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet table of this schema; pages are checked against their checksums when read.

    Raises:
        FadError: it is missing, damaged, or another table, or reading from it fails.
    """
    with readable(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        stored = _decoded(file)
        name = stored.get(_SCHEMA_KEY, "another")
        if (
            not file.schema_arrow.equals(_arrow_schema(schema))
            or name != schema.name
            or _SEAL_KEY not in stored
        ):
            raise FadError(
                f"{path}: this is not a table of {schema.name} in the format of this version, but of {name} "
                f"with columns {', '.join(file.schema_arrow.names)}: delete it and run again"
            )
        if stored[_SEAL_KEY] != _seal(name, _given(stored), file.metadata.num_rows):
            raise damaged(path, ValueError("its metadata or number of rows differs from what was written"))
        yield file


def _decoded(file: pq.ParquetFile) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (file.schema_arrow.metadata or {}).items()}


def _given(stored: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata that a table was given, of all that it has."""
    return {key: value for key, value in stored.items() if key not in (_SCHEMA_KEY, _SEAL_KEY)}


def _seal(name: str, metadata: Mapping[str, str], rows: int) -> str:
    """Return a hash of what the footer says of a table, besides where its pages lie."""
    return hashlib.sha256(json.dumps([name, sorted(metadata.items()), rows]).encode()).hexdigest()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading `path` into a FadError that says what to do."""
    with readable_file(path):
        try:
            yield
        except MemoryError as error:
            reason = next(iter(str(error).splitlines()), "no memory")
            raise FadError(
                f"{path}: cannot be read ({reason}): there is too little memory, or it is damaged"
            ) from error
        except (pa.ArrowException, ValueError, OverflowError) as error:
            if isinstance(error, FadError) or (isinstance(error, OSError) and error.errno):
                raise
            raise damaged(path, error) from error


def _arrow_schema(schema: Schema, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    fields = [pa.field(column.name, _arrow_type(column), column.nullable) for column in schema.columns]
    return pa.schema(fields, {_SCHEMA_KEY: schema.name, **dict(sorted((metadata or {}).items()))})


def _arrow_type(column: Column) -> pa.DataType:
    if not column.type.startswith("list"):
        return pa.type_for_alias(column.type)
    return pa.list_(pa.field("element", pa.type_for_alias(column.type[5:-1]), nullable=False))


def _width(values: Values) -> int:
    if isinstance(values, np.ndarray):
        return max(1, int(values.shape[1]))
    return max(1, *(len(value) if isinstance(value, np.ndarray) else 1 for value in values))


def _arrow_array(values: Values, kind: pa.DataType) -> pa.Array:
    """Make a column from its buffers: `pa.array` would import pandas, 0.15 s, for a look at its types."""
    if pa.types.is_list(kind):
        flat = values.reshape(-1) if isinstance(values, np.ndarray) else np.concatenate(values)
        offsets = _numbers(_offsets(values), pa.int32())
        return pa.ListArray.from_arrays(offsets, _numbers(flat, kind.value_type), type=kind)
    if pa.types.is_string(kind):
        texts = [text.encode() for text in values]
        buffers = [None, pa.py_buffer(_offsets(texts)), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(kind, len(texts), buffers)
    known = np.array([value is not None for value in values])
    validity = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    return _numbers([0 if value is None else value for value in values], kind, validity)


def _numbers(values: ArrayLike, kind: pa.DataType, validity: pa.Buffer | None = None) -> pa.Array:
    array = np.ascontiguousarray(values, dtype=kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(array), [validity, pa.py_buffer(array)])


def _offsets(values: Iterable[Sized]) -> NDArray[np.int32]:
    """Return where each value begins in all of them, and the last one ends."""
    return np.cumsum([0, *map(len, values)], dtype=np.int32)


def _python(schema: Schema, column: Column, values: pa.ChunkedArray) -> Values:
    if column.type.startswith("list"):
        # As `to_numpy`, which imports pandas.
        return [np.from_dlpack(value.values) for value in values]
    return check_column(schema, column, values.to_pylist())
