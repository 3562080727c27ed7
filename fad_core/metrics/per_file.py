"""How far each file of an evaluation set is from the reference, by three measures.

* `nearest`: mean distance of the file's vectors from their nearest vectors of the reference.
* `kad`: the file's influence on the corrected KAD, 100 (T − T₍f₎): how much larger the distance of the sets
  is with the file than without it (`fad_core.metrics.mmd`). It is large where the evaluation set has more
  vectors than the reference. The kernel is bounded: a file that is far from both sets has little influence.
* `fad`: Fréchet distance of the file's own vectors from the reference. The fewer vectors it has, the larger
  it is by their number alone: compare files of the same length.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fad_core.metrics.base import SetVectors
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.kernels import GaussianKernel, kernel_distance
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.pairwise import centred, checked_vectors, median_distance, row_blocks
from fad_core.metrics.statistics import Statistics

__all__ = ["MEASURES", "FileScore", "per_file_scores"]

MEASURES = ("nearest", "kad", "fad")

LEAST_FILES = 3
"""Of each set, which an influence needs."""


@dataclass(frozen=True)
class FileScore:
    """How far a file is from the reference.

    Attributes:
        file: its name.
        vectors: number of its vectors.
        nearest: mean distance of its vectors from the nearest ones of the reference; None if it is not
            computed, or if only statistics of the reference are known.
        kad: its influence on KAD; None if it is not computed, if a set has fewer than 3 files, or if only
            statistics of the reference are known.
        fad: Fréchet distance of its vectors from the reference; None if it is not computed, or if the file
            has fewer than 2 vectors.
    """

    file: str
    vectors: int
    nearest: float | None
    kad: float | None
    fad: float | None


def per_file_scores(
    statistics: Statistics | MeanCovariance,
    reference: SetVectors | None,
    evaluation: SetVectors,
    measures: Collection[str] = MEASURES,
) -> list[FileScore]:
    """Score each file of an evaluation set against the reference.

    Args:
        statistics: statistics of the reference's vectors.
        reference: vectors of the reference `[N, D]`; None: they are not known.
        evaluation: vectors of the evaluation set `[M, D]`.
        measures: which of them are computed; the others are None.

    Returns:
        A score for each file that has vectors, the farthest first by the first measure that it has.

    Raises:
        ArgumentError: the dimensions differ, vectors are not finite, or a set has fewer than 2 vectors.

    >>> from fad_core.metrics.base import SetVectors
    >>> from fad_core.metrics.statistics import Statistics
    >>> reference = SetVectors.of([(f"{k}.wav", np.array([[float(k), 0.0]])) for k in range(4)])
    >>> evaluation = SetVectors.of([(f"{k}.wav", np.array([[float(k), 3.0]])) for k in (1, 2, 7)])
    >>> scores = per_file_scores(Statistics.from_embeddings(reference.vectors), reference, evaluation)
    >>> [(score.file, score.nearest) for score in scores]
    [('7.wav', 5.0), ('1.wav', 3.0), ('2.wav', 3.0)]
    """
    influence = nearest = None
    if reference is not None:
        influence = _influence(reference, evaluation) if "kad" in measures else None
        nearest = _nearest(reference, evaluation) if "nearest" in measures else None
    ends = np.cumsum(evaluation.counts)
    scores: list[FileScore] = []
    for file, count, end in zip(evaluation.files, evaluation.counts, ends, strict=True):
        if not count:
            continue
        own = slice(end - count, end)
        fad = None
        if count > 1 and "fad" in measures:
            fad = frechet_distance(statistics, Statistics.from_embeddings(evaluation.vectors[own])).value
        kad = None if influence is None else float(influence[len(scores)])
        near = None if nearest is None else float(nearest[own].mean())
        scores.append(FileScore(file, count, near, kad, fad))
    return sorted(scores, key=_farthest_first)


def _farthest_first(score: FileScore) -> tuple[float, str]:
    known = (each for each in (score.nearest, score.kad, score.fad) if each is not None)
    return -next(known, -math.inf), score.file


def _influence(reference: SetVectors, evaluation: SetVectors) -> NDArray[np.float64] | None:
    """Return 100 (T − T₍f₎) of each file with vectors; None if there are too few files."""
    sigma = median_distance(reference.vectors) or 1.0  # of equal vectors, any bandwidth gives the same order
    distance = kernel_distance(reference, evaluation, GaussianKernel(1 / (2 * sigma**2)))
    files = min(len(sums.counts) for sums in (distance.reference, distance.evaluation))
    if distance.corrected is None or files < LEAST_FILES:
        return None
    _, without = distance.without_each_file()
    return 100 * (distance.corrected - without)


def _nearest(reference: SetVectors, evaluation: SetVectors) -> NDArray[np.float64]:
    """Return the distance of each vector of the evaluation set from the nearest of the reference `[M]`."""
    x, y = centred(
        checked_vectors(reference.vectors, "reference"), checked_vectors(evaluation.vectors, "evaluation")
    )
    halves = np.einsum("ij,ij->i", x, x) / 2
    found = np.empty(len(y))
    for rows in row_blocks(len(y)):
        least = np.full(rows.stop - rows.start, np.inf)
        place = np.zeros(len(least), dtype=np.int64)
        for columns in row_blocks(len(x)):
            block = halves[columns] - y[rows] @ x[columns].T
            best = block.argmin(axis=1)
            values = block[np.arange(len(block)), best]
            closer = values < least
            least[closer], place[closer] = values[closer], best[closer] + columns.start
        # The distance itself, not from a difference of squares: it is exact where it is small.
        found[rows] = np.linalg.norm(y[rows] - x[place], axis=1)
    return found
