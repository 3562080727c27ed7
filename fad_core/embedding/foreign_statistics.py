"""Statistics and embeddings of other packages, which say little of what they are of.

A `.npz` of theirs holds a mean and a covariance:

* fadtk: `{model}.mu` and `{model}.cov`, for one model or several; some of them are known by their hash
  (`fad_core.embedding.named_references`);
* pytorch-fid: `mu` and `sigma`.

fadtk and kadtk keep what they have computed of a folder of audio in it: `embeddings/{model}/*.npy`, the
vectors of each file, and `stats/{model}/mu.npy` and `cov.npy`. Such a folder, named as a set, is read; it is
never part of a set of audio files.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.embedding.foreign_names import id_of
from fad_core.embedding.named_references import NamedReference
from fad_core.embedding.statistics_table import require_dimension
from fad_core.errors import FadError
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import EMBEDDING
from fad_core.models.use import ModelKey
from fad_core.tables.arrays import Archive, Header, read_npy, reason_of, require_numbers

_FADTK_MEAN, _FADTK_COVARIANCE = ".mu", ".cov"
_PYTORCH_FID = ("mu", "sigma")
LISTED = 20
"""Names of arrays that a message lists at most."""
_EMBEDDINGS, _STATISTICS = "embeddings", "stats"


def is_foreign_cache(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder `embeddings/{model}` or `stats/{model}` with `.npy` files in it.

    >>> is_foreign_cache("audio/reference")
    False
    """
    folder = Path(path)
    named = folder.parent.name in (_EMBEDDINGS, _STATISTICS)
    return named and next(folder.glob("*.npy"), None) is not None


def read_foreign_cache(path: str | os.PathLike[str], *, keep: bool = False) -> EmbeddedSet:
    """Read such a folder.

    Args:
        path: path of the folder.
        keep: whether vectors are kept beside their statistics.

    Returns:
        The set. Its model has the name of the folder, and its weights are not known.

    Raises:
        FadError: a file cannot be read, or does not hold what it should.
    """
    folder = Path(path)
    files = None
    try:
        if folder.parent.name == _STATISTICS:
            found: Statistics | MeanCovariance = _mean_covariance(folder)
        else:
            vectors = {file.stem: _array(file) for file in sorted(folder.glob("*.npy"))}
            found = grouped_statistics(vectors.items(), vectors)
            if keep:
                files = [
                    FileEmbeddings(name, np.full(len(each), np.nan), {EMBEDDING: each.astype(np.float32)})
                    for name, each in vectors.items()
                ]
    except ValueError as error:
        raise FadError(f"{folder}: these embeddings or statistics cannot be used: {error}") from error
    return EmbeddedSet(
        str(path),
        ModelKey(folder.name, "", "", ""),
        {EMBEDDING: found},
        source="fadtk",
        embeddings=files,
        note="computed by fadtk or kadtk, which does not name the weights",
    )


def _mean_covariance(folder: Path) -> MeanCovariance:
    missing = [name for name in ("mu.npy", "cov.npy") if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"there is no {' and no '.join(missing)}")
    return MeanCovariance.from_covariance(
        *(read_npy(folder / name, require_numbers) for name in ("mu.npy", "cov.npy"))
    )


def _array(file: Path) -> NDArray[np.float64]:
    try:
        array = read_npy(file, require_numbers)
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from error
    if array.ndim != 2:
        raise ValueError(f"{file.name} holds an array {list(array.shape)}; expected [N, D]")
    return array.astype(np.float64)


def read_named(
    name: str, archive: Archive, reference: NamedReference, models: Collection[str]
) -> list[EmbeddedSet]:
    """Read the statistics of models of this package from a file whose conventions are known."""
    wanted = [model for model in reference.names if not models or model in models]
    if not wanted:
        known = ", ".join(reference.names)
        raise FadError(f"{reference.name} has statistics of {known}, but not of {' or '.join(models)}")
    sets = []
    for model in wanted:
        stored = reference.names[model]
        keys = (stored + _FADTK_MEAN, stored + _FADTK_COVARIANCE)
        foreign = _foreign(name, reference.conventions, archive, stored, keys)
        sets.append(replace(foreign, key=reference.key_of(model), note=reference.title))
    return sets


def read_foreign(name: str, archive: Archive, models: Collection[str]) -> list[EmbeddedSet]:
    """Read the means and covariances in a `.npz`; return an empty list if it is not of a known kind.

    Args:
        name: of the sets.
        archive: the file.
        models: ids or names of the models to read, if it holds several; none: all of them.

    Raises:
        FadError: it lacks a part, or has none of these models.
    """
    parts = [
        [key.removesuffix(suffix) for key in archive.names if key.endswith(suffix)]
        for suffix in (_FADTK_MEAN, _FADTK_COVARIANCE)
    ]
    held = parts[0]
    if alone := sorted(set(parts[0]) ^ set(parts[1])):
        raise FadError(f"{name} holds only a mean or only a covariance of {', '.join(alone[:LISTED])}")
    if held:
        # A single model is read whatever its name; of several, only the requested ones are read.
        several = models and len(held) > 1
        wanted = [model for model in held if not several or {model, id_of(model)} & set(models)]
        if not wanted:
            raise FadError(f"{name} holds statistics of {', '.join(held)}, but not of {' or '.join(models)}")
        return [
            _foreign(name, "fadtk", archive, model, (model + _FADTK_MEAN, model + _FADTK_COVARIANCE))
            for model in wanted
        ]
    if set(_PYTORCH_FID) <= set(archive.names):
        return [_foreign(name, "pytorch-fid", archive, "", _PYTORCH_FID)]
    return []


def _foreign(name: str, source: str, archive: Archive, model: str, keys: tuple[str, str]) -> EmbeddedSet:
    with usable(name):
        mean = archive.read(keys[0], _require_mean)
        single = ((), (1,)) if mean.size == 1 else ()
        covariance = archive.read(keys[1], numbers_of((mean.size, mean.size), *single))
        known = MeanCovariance.from_covariance(mean, covariance)
    note = f"mean and covariance from {source}, which does not name the weights"
    key = ModelKey(model, "", "", "")
    return EmbeddedSet(name, key, {EMBEDDING: known}, source=source, note=note)


def numbers_of(*shapes: tuple[int, ...]) -> Callable[[Header], None]:
    """Return a check that an array holds real numbers and has one of the shapes."""

    def accept(header: Header) -> None:
        require_numbers(header)
        if header.shape not in shapes:
            wanted = " or ".join(str(list(shape)) for shape in shapes)
            raise ValueError(f"its shape is {list(header.shape)}; expected {wanted}")

    return accept


def _require_mean(header: Header) -> None:
    dimension = math.prod(header.shape)
    require_dimension(dimension)
    numbers_of((dimension,), *([()] if dimension == 1 else []))(header)


@contextmanager
def usable(name: str) -> Iterator[None]:
    """Turn errors in the contents of a file into a FadError that names the file."""
    try:
        yield
    except (ValueError, MemoryError) as error:
        raise FadError(f"{name}: these statistics cannot be used: {reason_of(error)}") from error
