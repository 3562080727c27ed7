"""The CLAP score: how near sounds are to their captions in the space that both are embedded in.

It is the mean cosine of the vectors of a sound and of its caption (Huang et al., "Make-An-Audio", ICML 2023,
arXiv 2301.12661). It is neither clipped at 0 nor multiplied by 100, as the CLIP score is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.metrics.effects import Effects
from fad_core.metrics.interval_options import FEWEST_FILES, IntervalOptions


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


def mean_interval(
    values: NDArray[np.float64], level: float = IntervalOptions().level
) -> tuple[float, float] | None:
    """Return the confidence interval of a mean over files: mean ± t · standard error.

    Args:
        values: a value for each file, `[N]`.
        level: probability of covering the population's mean, between 0 and 1.

    Returns:
        Its ends; None for fewer than 5 files.

    >>> low, high = mean_interval(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    >>> round(low, 4), round(high, 4)
    (0.1037, 0.4963)
    """
    count = len(values)
    if count < FEWEST_FILES:
        return None
    mean = float(np.mean(values))
    effects = (values - mean) / math.sqrt(count * (count - 1))
    return Effects(mean, np.zeros(0), (effects,)).interval(level)
