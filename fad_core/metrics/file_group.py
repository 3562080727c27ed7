"""Statistics of some files of a set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FileGroup:
    """Statistics of the vectors of some files of a set. Immutable.

    Attributes:
        n: number of vectors, at least 1.
        mean: mean of the vectors, float64 `[D]`.
        rows: float64 `[min(n − 1, D), D]`; `rows.T @ rows` is the scatter matrix.
        files: 63 bits of a hash of the files' names (`fad_core.metrics.pairing.pair_name`): groups of two
            sets with the same ones hold files that belong together in pairs.

    Raises:
        ValueError: the parts do not fit this description.
    """

    n: int
    mean: NDArray[np.float64]
    rows: NDArray[np.float64]
    files: int

    def __post_init__(self) -> None:
        shape = (min(self.n - 1, self.mean.size), self.mean.size)
        if self.n < 1 or self.mean.ndim != 1 or self.rows.shape != shape:
            raise ValueError(f"a group of {self.n} vectors has rows {self.rows.shape}, not {shape}")
        for array in (self.mean, self.rows):
            if array.dtype != np.float64 or not np.isfinite(array).all():
                raise ValueError("mean or rows of a group are not finite float64")
            array.setflags(write=False)
