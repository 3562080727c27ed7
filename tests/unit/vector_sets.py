"""Sets of vectors for tests of metrics that need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fad_core.metrics.base import SetVectors
from fad_core.metrics.statistics import Statistics


@dataclass(frozen=True)
class VectorSet:
    """A set as metrics see it."""

    vectors: SetVectors

    def vectors_of(self, output: str = "") -> SetVectors:
        return self.vectors

    def statistics_of(self, output: str = "") -> Statistics:
        return Statistics.from_embeddings(self.vectors.vectors)


def vector_set(vectors: ArrayLike, counts: tuple[int, ...] = ()) -> SetVectors:
    """A set with these numbers of vectors a file; one file a vector if there are none."""
    rows = np.asarray(vectors)
    counts = counts or (1,) * len(rows)
    assert sum(counts) == len(rows)
    return SetVectors(tuple(f"{i}.wav" for i in range(len(counts))), counts, rows)
