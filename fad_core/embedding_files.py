"""`.npy` files of embeddings, as the original packages write and read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import DatasetError
from fad_core.models.base import EmbeddingModel


def load_embeddings(path: Path, model: EmbeddingModel) -> NDArray[Any]:
    """Read a file of embeddings, as `fad_core` and the original packages write them.

    The original package writes the vectors of models that give one a file (PANN) end to end, `[N·D]`; so it
    reads what is written so.

    Args:
        path: the `.npy` file.
        model: that is said to have made them.

    Returns:
        Floats `[N, D]`.

    Raises:
        DatasetError: it cannot be read, or cannot be embeddings of this model; the message says why.
    """
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} cannot be read as a .npy file of embeddings: {error}") from error
    dimension = model.embedding_dim
    if array.dtype.kind == "f" and array.ndim == 1 and array.size and array.size % dimension == 0:
        array = array.reshape(-1, dimension)
    if array.dtype.kind != "f" or array.ndim != 2 or array.shape[1] != dimension:
        raise DatasetError(
            f"{path} holds {array.dtype} {list(array.shape)}, where embeddings of {model.name} are floats "
            f"[N, {dimension}]: it was written for another model"
        )
    return array
