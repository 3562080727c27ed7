"""The CLAP score: how near sounds are to their captions in the space that both are embedded in.

It is the mean cosine of the vectors of a sound and of its caption (Huang et al., "Make-An-Audio", ICML 2023,
arXiv 2301.12661). It is neither clipped at 0 nor multiplied by 100, as the CLIP score is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cosines(text: ArrayLike, audio: ArrayLike) -> NDArray[np.float64]:
    """Return the cosine of each pair of vectors.

    Args:
        text: vectors of captions, `[N, D]`.
        audio: vectors of sounds, `[N, D]`; row i belongs to row i of `text`.

    Returns:
        float64 `[N]`, from -1 to 1.

    Raises:
        ValueError: the shapes differ, or a vector is zero or not finite.

    >>> cosines([[1.0, 0.0], [3.0, 4.0]], [[2.0, 0.0], [4.0, -3.0]])
    array([1., 0.])
    """
    first, second = (np.asarray(vectors, np.float64) for vectors in (text, audio))
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            f"vectors of captions {first.shape} and of sounds {second.shape} do not belong together"
        )
    lengths = [np.linalg.norm(vectors, axis=1) for vectors in (first, second)]
    if not all(np.isfinite(length).all() and (length > 0).all() for length in lengths):
        raise ValueError("a vector is zero, or not finite")
    return np.asarray(np.sum(first * second, axis=1) / (lengths[0] * lengths[1]))
