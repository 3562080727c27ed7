"""Check values against a schema before they become a table: types, ranges, choices, missing ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import FadError
from fad_core.tables.schemas import Column, Schema

Rows = Sequence[Mapping[str, Any]] | Mapping[str, Any]
Values = list[Any] | NDArray[Any]

_PYTHON: dict[str, set[type]] = {"string": {str}, "int32": {int}, "int64": {int}, "float64": {float, int}}
_BOUNDS = {"int32": 2**31, "int64": 2**63}


def check_columns(schema: Schema, rows: Rows) -> list[Values]:
    """Return all columns' values in the schema's order.

    Args:
        schema: what the columns are.
        rows: a sequence of rows, or one mapping of columns (`fad_core.tables.files.write_table`).

    Raises:
        ValueError: columns are missing or unknown, of unlike length, or hold other values than declared.
        FadError: a text, such as a file's name, is not valid Unicode.
    """
    known = set(schema.names)
    for row in [rows] if isinstance(rows, Mapping) else rows:
        if row.keys() != known:
            missing, unknown = sorted(known - row.keys()), sorted(row.keys() - known)
            raise ValueError(f"{schema.name}: missing columns {missing}, unknown {unknown}")
    columns = [
        check_column(
            schema,
            column,
            rows[column.name] if isinstance(rows, Mapping) else [row[column.name] for row in rows],
        )
        for column in schema.columns
    ]
    lengths = [len(values) for values in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"{schema.name}: columns of unlike length: {lengths}")
    return columns


def check_column(schema: Schema, column: Column, given: Any) -> Values:
    """Return a column's values as plain Python objects, or as arrays for a list column.

    Args:
        schema: of the table, whose name stands in messages.
        column: what the values must be.
        given: the values, as a list or an array; of a list column, one array a row or `[rows, D]`.

    Raises:
        ValueError: a value is not what the column declares.
        FadError: a text, such as a file's name, is not valid Unicode.
    """
    where = f"{schema.name}.{column.name}"
    if column.type.startswith("list"):
        return _check_lists(where, np.dtype(column.type[5:-1]), given)
    values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    kinds, bound = _PYTHON[column.type], _BOUNDS.get(column.type)
    for value in values:
        if value is None and column.nullable:
            continue
        if type(value) not in kinds:
            raise ValueError(f"{where}: {value!r} is not a {column.type}")
        if column.choices and value not in column.choices:
            raise ValueError(f"{where}: {value!r} is not one of {', '.join(column.choices)}")
        if bound is not None and not -bound <= value < bound:
            raise ValueError(f"{where}: {value} is out of the range of {column.type}")
        if column.type == "string" and not value.isascii() and re.search("[\ud800-\udfff]", value):
            raise FadError(f"{where}: {value!a} is not valid Unicode: rename the file")
    if column.type == "float64":
        return [None if value is None else float(value) for value in values]
    return values


def _check_lists(where: str, dtype: np.dtype[Any], given: Any) -> Values:
    if isinstance(given, np.ndarray) and given.ndim == 2 and given.dtype == dtype:
        return np.ascontiguousarray(given)
    arrays = [value if isinstance(value, np.ndarray) else np.array(value, dtype) for value in given]
    for array in arrays:
        if array.ndim != 1 or array.dtype != dtype:
            raise ValueError(f"{where}: {array.dtype} {array.shape} is not a list of {dtype}")
    return arrays
