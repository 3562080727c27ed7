"""Time resampling and distances, alternately with the code that they replace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import resampy
from scipy import linalg

from fad_core.audio.resample import resample
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics

Work = Callable[[], Any]

RATES = ((44_100, 16_000), (44_100, 24_000), (44_100, 32_000), (44_100, 48_000), (48_000, 16_000))
SIZES = ((400, 2048), (5000, 2048), (5000, 128), (5000, 512))


def in_turns(works: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Return the shortest time of each function in seconds; each is warmed up, then they run in turns."""
    for work in works.values():
        work()
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def resampling(repeats: int) -> list[dict[str, Any]]:
    """Time the resampling of ten seconds of noise at each pair of rates, by this package and by resampy."""
    rows = []
    for rate_from, rate_to in RATES:
        sound = np.random.default_rng(0).uniform(-1, 1, (1, 10 * rate_from)).astype(np.float32)
        works: dict[str, Work] = {
            "here": partial(resample, sound, rate_from, rate_to),
            "before": partial(resampy.resample, sound, rate_from, rate_to, axis=-1),
        }
        difference = float(np.abs(works["here"]() - works["before"]()).max())
        rows.append(
            _row(f"resampling {rate_from} to {rate_to} Hz, 10 s", in_turns(works, repeats), difference)
        )
    return rows


def distances(repeats: int) -> list[dict[str, Any]]:
    """Time the distance of two sets of vectors, by this package and by the textbook formula."""
    rows = []
    for count, dimension in SIZES:
        random = np.random.default_rng(1)
        mix = random.standard_normal((dimension, dimension)) / dimension**0.5
        sets = [(random.standard_normal((count, dimension)) @ mix + k).astype(np.float32) for k in (0.0, 0.1)]
        works: dict[str, Work] = {"here": partial(_ours, *sets), "before": partial(squared, *sets)}
        values = {name: work() for name, work in works.items()}
        difference = abs(values["here"] - values["before"]) / values["here"]
        rows.append(_row(f"distance, D = {dimension}, n = {count}", in_turns(works, repeats), difference))
    return rows


def pairs(sets: int = 20, count: int = 400, dimension: int = 2048) -> dict[str, Any]:
    """Time all pairs of sets; the textbook formula is timed on three pairs and extrapolated."""
    random = np.random.default_rng(2)
    vectors = [random.standard_normal((count, dimension)).astype(np.float32) for _ in range(sets)]

    def ours() -> None:
        statistics = [Statistics.from_embeddings(item) for item in vectors]
        for i, first in enumerate(statistics):
            for second in statistics[:i]:
                frechet_distance(first, second)

    start = time.perf_counter()
    ours()
    here = time.perf_counter() - start
    start = time.perf_counter()
    for other in vectors[1:4]:
        squared(vectors[0], other)
    before = (time.perf_counter() - start) / 3 * sets * (sets - 1) / 2
    return _row(
        f"all pairs of {sets} sets, D = {dimension}, n = {count}", {"here": here, "before": before}, None
    )


def _ours(reference: np.ndarray, evaluation: np.ndarray) -> float:
    return frechet_distance(*map(Statistics.from_embeddings, (reference, evaluation))).value


def squared(reference: np.ndarray, evaluation: np.ndarray) -> float:
    """Return the distance by the textbook formula, as FAD packages compute it: with the root of Σ₁Σ₂."""
    covariances = [np.cov(vectors, rowvar=False) for vectors in (reference, evaluation)]
    difference = reference.mean(axis=0) - evaluation.mean(axis=0)
    root = linalg.sqrtm((covariances[0] @ covariances[1]).astype(complex))
    traces = sum(float(np.trace(covariance)) for covariance in covariances)
    return float(difference @ difference + traces - 2 * np.trace(root).real)


def _row(part: str, seconds: Mapping[str, float], difference: float | None) -> dict[str, Any]:
    return {
        "part": part,
        "before_seconds": seconds["before"],
        "here_seconds": seconds["here"],
        "ratio": seconds["before"] / seconds["here"],
        "difference": difference,
    }
