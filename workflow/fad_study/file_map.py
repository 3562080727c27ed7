"""A map of files: the means of their vectors by their first two principal components."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from fad_core.embedding.embedded_set import EmbeddedSet

POINTS = 2000
"""Files on a map: of more, those whose names have the smallest hashes."""

Means = Mapping[tuple[str, str], NDArray[np.float64]]
"""Mean vector `[D]` of each file, by data set and name."""


def file_means(embedded: EmbeddedSet) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return the mean of the vectors of each file of a set, by data set and name.

    Args:
        embedded: a set with its vectors; of several outputs, the main one counts.
    """
    output = next(iter(embedded.statistics))
    return {
        (embedded.name, each.file): each.vectors[output].mean(axis=0, dtype=np.float64)
        for each in embedded.embeddings or ()
    }


def map_rows(embedded: EmbeddedSet, means: Means) -> list[dict[str, Any]]:
    """Return the rows of a MAP table, sorted by data set, as these come, and file.

    The components are those of all files, also if not all have a row. Their sign is such that the largest
    coefficient is positive.

    Args:
        embedded: any of the sets, for its model.
        means: of all files.
    """
    if not means:
        return []
    points, shares = principal_components(np.stack(list(means.values())))
    head = {name: getattr(embedded.key, name) for name in ("model", "weights", "weights_sha256", "settings")}
    chosen = set(_sample(list(means)))
    return [
        {
            **head,
            "dataset": dataset,
            "file": file,
            "x": float(x),
            "y": float(y),
            "x_share": float(shares[0]),
            "y_share": float(shares[1]),
        }
        for (dataset, file), (x, y) in zip(means, points, strict=True)
        if (dataset, file) in chosen
    ]


def principal_components(
    vectors: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return vectors by their first two principal components, `[N, 2]`, and these components' shares, `[2]`.

    Args:
        vectors: `[N, D]`, at least one, of two or more dimensions.

    Examples:
        >>> import numpy as np
        >>> points, share = principal_components(np.array([[0.0, 1], [2, 1], [4, 1]]))
        >>> points[:, 0].tolist(), share.tolist()
        ([-2.0, 0.0, 2.0], [1.0, 0.0])
    """
    centred = vectors - vectors.mean(axis=0)
    scatter = centred.T @ centred
    size = len(scatter)
    values, axes = eigh(scatter, subset_by_index=[size - 2, size - 1])
    axes = axes[:, ::-1]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    total = float(np.trace(scatter)) or 1.0
    return centred @ axes, np.maximum(values[::-1], 0) / total


def _sample(files: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    if len(files) <= POINTS:
        return files
    return sorted(files, key=lambda each: hashlib.sha256("/".join(each).encode()).digest())[:POINTS]
