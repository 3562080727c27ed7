"""Columns of a table of embeddings, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np


def embeddings(files: dict[str, int], dimension: int = 4, seed: int = 0) -> dict[str, Any]:
    """Columns of a shard with so many vectors for each file, in this order."""
    count = sum(files.values())
    windows = [np.arange(n, dtype=np.int32) for n in files.values()]
    return {
        "file": [name for name, n in files.items() for _ in range(n)],
        "output": ["embedding"] * count,
        "window": np.concatenate([*windows, np.zeros(0, np.int32)]),
        "start_second": np.concatenate([*windows, np.zeros(0, np.int32)]) * 0.96,
        "embedding": np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32),
    }
