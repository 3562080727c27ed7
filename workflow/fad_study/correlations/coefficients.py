"""Pearson's, Spearman's and Kendall's coefficients, and their bootstrap over systems.

A resample draws as many systems as there are, with replacement, each with all its categories. It is stored as
the number of times that each system was drawn, counts `[B, S]`. Weighted by these counts, all three
coefficients are matrix products, equal to those of the drawn systems listed one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATISTICS = ("pearson", "spearman", "kendall")
_EQUAL = 1e-12
"""Values whose range is at most this share of their size are constant: they differ by rounding alone."""


def correlate(x: Floats, y: Floats) -> dict[str, float]:
    """Return all coefficients of two samples.

    Args:
        x: `[N]`, not constant (see `is_constant`).
        y: `[N]`, not constant.

    Returns:
        The coefficients by their names in `STATISTICS`.
    """
    # Imported late: it takes half a second, most of the start of steps that may have no correlations.
    from scipy import stats

    import fad_core.metrics.linear_algebra  # noqa: F401  looks for room before scipy.stats loads its library

    return {
        "pearson": float(stats.pearsonr(x, y).statistic),
        "spearman": float(stats.spearmanr(x, y).statistic),
        "kendall": float(stats.kendalltau(x, y).statistic),
    }


def is_constant(values: Floats) -> bool:
    """Return whether values are all equal, so that no correlation with them is defined."""
    return bool(np.ptp(values) <= _EQUAL * np.abs(values).max())


def draw_systems(systems: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Return how often each system is in each resample, `[resamples, systems]`.

    Args:
        systems: number of systems.
        resamples: number of resamples.
        seed: of the random draws.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.multinomial(systems, np.full(systems, 1 / systems), size=resamples)


def bootstrap(x: Floats, y: Floats, counts: NDArray[np.int64]) -> Mapping[str, Floats]:
    """Return all coefficients of every resample.

    Args:
        x: distances `[S, P]`, P of each system.
        y: ratings `[S, P]`.
        counts: `[B, S]`, see `draw_systems`.

    Returns:
        Coefficients `[B]` by their names in `STATISTICS`; NaN where x or y is constant in a resample.
    """
    per_system = x.shape[1]
    weights = np.repeat(counts, per_system, axis=1).astype(np.float64)
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)
    undefined = _constant(flat_x, weights) | _constant(flat_y, weights)
    found = {
        "pearson": _weighted_pearson(flat_x - flat_x.mean(), flat_y - flat_y.mean(), weights),
        "spearman": _weighted_pearson(_ranks(flat_x, weights), _ranks(flat_y, weights), weights),
        "kendall": _kendall(x, y, counts.astype(np.float64)),
    }
    return {name: np.where(undefined, np.nan, np.clip(values, -1, 1)) for name, values in found.items()}


def _constant(values: Floats, weights: Floats) -> NDArray[np.bool_]:
    """Return for each resample whether all values `[N]` with a positive weight are equal, `[B]`."""
    drawn = weights > 0
    highest = np.where(drawn, values, -np.inf).max(axis=1)
    lowest = np.where(drawn, values, np.inf).min(axis=1)
    return np.asarray(highest - lowest <= _EQUAL * np.maximum(np.abs(highest), np.abs(lowest)))


def _weighted_pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Return Pearson's coefficient of x and y, each `[N]` or `[B, N]`, with weights `[B, N]`."""
    total = weights.sum(axis=1)

    def mean(values: Floats) -> Floats:
        return np.asarray((weights * values).sum(axis=1) / total)

    dx, dy = x - mean(x)[:, np.newaxis], y - mean(y)[:, np.newaxis]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(mean(dx * dy) / np.sqrt(mean(dx * dx) * mean(dy * dy)))


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return the rank of each value within each resample, the mean rank for ties, `[B, N]`."""
    below = values[:, np.newaxis] < values
    tied = values[:, np.newaxis] == values
    return np.asarray(weights @ (below + 0.5 * tied) + 0.5)


def _kendall(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Return Kendall's tau-b: signs of all differences, summed over the points of each pair of systems."""
    sign_x, sign_y = (np.sign(values[:, :, np.newaxis, np.newaxis] - values) for values in (x, y))

    def over_pairs(signs: Floats) -> Floats:
        return np.asarray(((counts @ signs.sum(axis=(1, 3))) * counts).sum(axis=1))

    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(over_pairs(sign_x**2) * over_pairs(sign_y**2))
        return np.asarray(over_pairs(sign_x * sign_y) / scale)
