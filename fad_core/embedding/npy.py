"""`.npy` files of embeddings, as this and the original packages write and read them.

A file holds the vectors and nothing else: not the model, not the files' names. What `frechet-audio-distance`
writes is read here, and what is written here is read there:

* floats `[N, D]`, a row a vector: this package, the exported package, and the original;
* PANN, by the original: the files' vectors end to end, `[N·D]`;
* EnCodec, by the original up to 0.3.3: `[D, frames]` of each clip, clips of equal length under each other
  (its pull request 43 turned them round).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import ArgumentError, DatasetError
from fad_core.models.use import ModelUse
from fad_core.tables.arrays import Header, read_npy, require_numbers
from fad_core.util.atomic import atomic_path

TURNED_NOTE = "read in the layout of frechet-audio-distance up to 0.3.3 for EnCodec, with time along the rows"

# How many times farther apart the means of the channels lie than those of the frames; between 57 and 4000
# were seen in sounds of 1.7 s to a minute.
_CLEARLY = 4.0


def embeddings_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file of embeddings: a suffix `.npy` is appended, as `numpy.save` does it.

    Raises:
        ArgumentError: there is a file without the suffix, which the original would read.
    """
    path = Path(path).expanduser()
    if path.suffix != ".npy" and path.is_file():
        raise ArgumentError(
            f"{path}: the name of a file of embeddings must end in .npy: rename it to {path.name}.npy"
        )
    return path if path.suffix == ".npy" else path.with_name(path.name + ".npy")


def save_embeddings(embeddings: NDArray[np.float32], use: ModelUse, path: Path) -> None:
    """Write embeddings `[N, D]` atomically, in a form that the original packages read.

    With `compatibility: frechet-audio-distance`, PANN's are written end to end, as the original does.

    Raises:
        OutputError: the file cannot be written.
    """
    array = np.ascontiguousarray(embeddings.reshape(-1) if use.takes_scalars else embeddings)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        # numpy.save writes through C, whose error on a full disk does not say that it is one.
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
        stream.write(array.data)


def load_embeddings(path: Path, use: ModelUse) -> tuple[NDArray[Any], str]:
    """Read a file of embeddings.

    Args:
        path: the `.npy` file.
        use: the model that is assumed to have made them, with its options; the file does not name it.

    Returns:
        Floats `[N, D]`, and what a reader of the distance should know of how they were read; "" if nothing.

    Raises:
        DatasetError: it cannot be read, or cannot be embeddings of this model; the message says why.
    """
    try:
        array = read_npy(path, _require_floats)
    except ValueError as error:
        raise DatasetError(f"{path} cannot be read as a .npy file of embeddings: {error}") from error
    dimension, note = use.model.dimension, ""
    if array.size == 0:
        raise DatasetError(f"{path} holds no embeddings: no file could be embedded when it was written")
    if array.ndim == 1 and array.size % dimension == 0:
        array = array.reshape(-1, dimension)
    if use.model.quirks.transposed_files and array.ndim == 2 and _is_turned(path, array, dimension):
        array = array.reshape(-1, dimension, array.shape[1]).swapaxes(1, 2).reshape(-1, dimension)
        note = TURNED_NOTE
    if array.ndim != 2 or array.shape[1] != dimension:
        raise DatasetError(
            f"{path} holds an array {list(array.shape)}, but embeddings of {use.model.name} are "
            f"[N, {dimension}]: it was written for another model"
        )
    return array, note


def _require_floats(header: Header) -> None:
    require_numbers(header)
    if header.dtype.kind != "f":
        raise ValueError(f"it holds {header.dtype}, but embeddings must be floats")


def _is_turned(path: Path, array: NDArray[Any], dimension: int) -> bool:
    """Return whether a matrix holds `[D, frames]` of each clip instead of `[N, D]`.

    The shape shows which, unless clips have exactly D frames. Then the values do: the means of the channels
    of an embedding differ, those of frames over many clips do not.
    """
    rows, columns = array.shape
    if rows % dimension:
        return False
    if columns != dimension:
        return True
    by_clip = array.reshape(-1, dimension, dimension).astype(np.float64)
    down, across = (float(np.var(by_clip.mean(axis=axes))) for axes in ((0, 1), (0, 2)))
    if max(down, across) < _CLEARLY * min(down, across):
        raise DatasetError(
            f"{path} may be embeddings [N, {dimension}], or what frechet-audio-distance wrote up to 0.3.3, "
            f"[{dimension}, frames] of clips with just {dimension} frames; neither its shape "
            f"{list(array.shape)} nor its values show which: embed the audio again"
        )
    return across > down
