"""Columns of a table of embeddings, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np


def embeddings(
    files: dict[str, int], dimension: int = 4, seed: int = 0, dataset: str = "set"
) -> dict[str, Any]:
    """Columns with so many vectors for each file of a data set, in this order."""
    count = sum(files.values())
    segments = [np.arange(n, dtype=np.int32) for n in files.values()]
    return {
        "model": ["vggish"] * count,
        "dataset": [dataset] * count,
        "file": [name for name, n in files.items() for _ in range(n)],
        "output": ["embedding"] * count,
        "segment": np.concatenate([*segments, np.zeros(0, np.int32)]),
        "start_second": np.concatenate([*segments, np.zeros(0, np.int32)]) * 0.96,
        "embedding": np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32),
    }
