"""Statistics of a data set as one file to hand on: a reference that others score against.

Ours hold all that tells what they are of (the model, its weights and their hash, its settings, the code that
exported it, what became of the files) beside `(n, mean, factor)`:

* `.npz`: NumPy arrays, no pickles: the columns of the table STATISTICS under their names, and `identity`,
  the exported model's identity as JSON;
* `.parquet`: that table with one row, the identity in its metadata; the pipeline's statistics are such files.

Those of others are read, too. They hold a mean and a covariance and say little of what they are of:

* fadtk: `{model}.mu` and `{model}.cov`, for one model or several;
* pytorch-fid: `mu` and `sigma`.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.atomic import atomic_path
from fad_core.distances import EmbeddedSet
from fad_core.errors import FadError
from fad_core.moments import Moments
from fad_core.statistics import Statistics
from fad_core.tables.files import read_table, write_table
from fad_core.tables.schemas import STATISTICS
from fad_core.tables.statistics import counts_from_row, statistics_to_row

if TYPE_CHECKING:
    from fad_core.pt2 import Identity

SUFFIXES = (".npz", ".parquet")

_FADTK_MEAN, _FADTK_COVARIANCE = ".mu", ".cov"
_PYTORCH_FID = ("mu", "sigma")
_TYPES: Mapping[str, Callable[[Any], Any]] = {"string": str, "int64": int, "float64": float}


@dataclass(frozen=True, eq=False)
class StoredSet:
    """The statistics of one data set, as a file holds them.

    Attributes:
        set: what is compared; its name is the file's path. What the file does not say is "" or None.
        source: whose file it is: "fad-core", "fadtk" or "pytorch-fid".
        identity: of the exported model (`fad_core.pt2.Identity`); empty if the file does not say.
    """

    set: EmbeddedSet
    source: str
    identity: Mapping[str, Any]

    @property
    def foreign(self) -> bool:
        """Whether another package wrote it."""
        return self.source != "fad-core"


def is_statistics_file(path: str) -> bool:
    """Whether a path is that of a file of statistics, by its suffix."""
    return Path(path).suffix in SUFFIXES


def write_statistics(embedded: EmbeddedSet, identity: Identity, path: Path) -> None:
    """Write a set's statistics, whole or not at all; the same bytes for the same set.

    Args:
        embedded: the set.
        identity: of the model that embedded it.
        path: ends in .npz or .parquet.

    Raises:
        ValueError: it ends in something else, or the set is known by mean and covariance alone.
        OutputError: the file cannot be written.
    """
    if not isinstance(embedded.statistics, Statistics) or embedded.counts is None:
        raise ValueError(f"{embedded.dataset}: of a mean and a covariance no statistics can be made")
    row = statistics_to_row(
        embedded.statistics,
        model=embedded.model,
        weights=embedded.weights,
        weights_sha256=embedded.weights_sha256,
        settings=embedded.settings,
        dataset=embedded.dataset,
        counts=embedded.counts,
    )
    text = json.dumps(asdict(identity), sort_keys=True)
    if path.suffix == ".parquet":
        write_table(STATISTICS, [row], path, {"identity": text, "note": embedded.note})
    elif path.suffix == ".npz":
        extra = {"identity": text, "note": embedded.note}
        arrays: dict[str, Any] = {key: np.array(value) for key, value in (row | extra).items()}
        with atomic_path(path) as temporary:
            np.savez(temporary, **arrays)
    else:
        raise ValueError(f"{path}: statistics are written as {' or '.join(SUFFIXES)}")


def read_statistics(path: Path | str) -> list[StoredSet]:
    """Read the statistics of a data set by one model or several, ours or another package's.

    Args:
        path: ends in .npz or .parquet. As it stands it is the set's name.

    Returns:
        One for each model; at least one.

    Raises:
        FadError: the file is missing or damaged, is none of those described above, or what it holds can be
            no mean and covariance.
    """
    if Path(path).suffix == ".parquet":
        return _read_parquet(str(path))
    arrays = _read_arrays(Path(path))
    try:
        if set(STATISTICS.names) <= set(arrays):
            identity, note = (str(arrays.get(key, "")) for key in ("identity", "note"))
            return [_ours(str(path), _row_of(arrays), identity, note)]
        return _read_foreign(str(path), arrays)
    except (ValueError, TypeError, KeyError) as error:
        raise FadError(f"{path}: these statistics cannot be used: {error}") from error


def _read_parquet(name: str) -> list[StoredSet]:
    from fad_core.tables.parquet import read_metadata

    try:
        rows = read_table(STATISTICS, name)
    except FadError as error:
        # What the pipeline makes again may be all that its receiver has.
        raise FadError(str(error).removesuffix(": delete it and run again")) from error
    if not rows:
        raise FadError(f"{name}: the table is empty")
    metadata = read_metadata(name)
    return [_ours(name, row, metadata.get("identity", ""), metadata.get("note", "")) for row in rows]


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise FadError(f"{path}: there is no such file of statistics")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise FadError(f"{path} is a single array (.npy), where the arrays of a .npz are wanted")
        with loaded as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        # Of what is no archive NumPy says that it may be a pickle, which is never read here.
        reason = "" if "pickle" in str(error) else f": {str(error).splitlines()[0]}"
        raise FadError(f"{path} is no .npz file of arrays, or not a whole one{reason}") from error


def _row_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in STATISTICS.columns:
        convert = _TYPES.get(column.type)
        array = arrays[column.name]
        row[column.name] = array if convert is None else convert(array.item())
    return row


def _ours(name: str, row: Mapping[str, Any], identity: str, note: str) -> StoredSet:
    dimension = row["dimension"]
    try:
        statistics = Statistics(row["n"], row["mean"], row["factor"].reshape(dimension, dimension))
        known: dict[str, Any] = json.loads(identity) if identity else {}
    except ValueError as error:
        raise FadError(f"{name}: these statistics cannot be used: {error}") from error
    facts = (row["model"], row["weights"], row["weights_sha256"], row["settings"])
    return StoredSet(EmbeddedSet(name, *facts, statistics, counts_from_row(row), note), "fad-core", known)


def _read_foreign(name: str, arrays: Mapping[str, NDArray[Any]]) -> list[StoredSet]:
    models = [
        key.removesuffix(_FADTK_MEAN)
        for key in arrays
        if key.endswith(_FADTK_MEAN) and key.removesuffix(_FADTK_MEAN) + _FADTK_COVARIANCE in arrays
    ]
    if models:
        return [
            _foreign(name, "fadtk", model, arrays[model + _FADTK_MEAN], arrays[model + _FADTK_COVARIANCE])
            for model in models
        ]
    if set(_PYTORCH_FID) <= set(arrays):
        mean, covariance = (arrays[key] for key in _PYTORCH_FID)
        return [_foreign(name, "pytorch-fid", "", mean, covariance)]
    raise FadError(
        f"{name} holds {', '.join(sorted(arrays)) or 'nothing'}, and so neither statistics of fad-core nor "
        "those of fadtk (model.mu, model.cov) or pytorch-fid (mu, sigma)"
    )


def _foreign(name: str, source: str, model: str, mean: NDArray[Any], covariance: NDArray[Any]) -> StoredSet:
    moments = Moments.from_covariance(mean, covariance)
    note = f"mean and covariance by {source}, which names no weights"
    return StoredSet(EmbeddedSet(name, model, "", "", "", moments, None, note), source, {})
