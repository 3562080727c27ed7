"""The table of correlations, with published ones for comparison if there are any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import FadError
from fad_study.correlations.coefficients import STATISTICS, bootstrap, correlate, draw_systems, is_constant
from fad_study.correlations.grid import Grid
from fad_study.ratings import CATEGORY_MEAN, GLOBAL, POOLS, SYSTEM_MEANS
from fad_study.user_csv import UserRow, label, read_user_csv, require_unique

_KEY = ("embedding", "criterion", "category", "statistic")
_LINES_NAMED = 5


@dataclass(frozen=True)
class Options:
    """Options of the bootstrap intervals.

    Attributes:
        seed: seed of the resamples.
        resamples: number of resamples.
        confidence: confidence level.
    """

    seed: int = 0
    resamples: int = 10_000
    confidence: float = 0.95


@dataclass(frozen=True)
class Published:
    """Published correlations to compare with.

    Attributes:
        rows: by (embedding, criterion, category, statistic).
        tolerance: largest difference that agrees.
        seeded: embeddings by untrained (seeded) weights, which are not comparable.
    """

    rows: Mapping[tuple[str, ...], UserRow]
    tolerance: float = 0.005
    seeded: frozenset[str] = frozenset()


def read_published(path: Path) -> dict[tuple[str, ...], UserRow]:
    """Read published correlations.

    Args:
        path: path of a CSV table with the columns embedding, criterion, category, statistic, value, source.

    Returns:
        Rows by (embedding, criterion, category, statistic).

    Raises:
        FadError: the table cannot be read, has two rows for the same, or one with an unknown statistic.
    """
    rows = read_user_csv(path, (*_KEY, "source"), ("value",))
    require_unique(rows, _KEY)
    for row in rows:
        if row.texts["statistic"] not in STATISTICS:
            raise FadError(
                f"{row.place}: there is no statistic {row.texts['statistic']!r}; "
                f"statistics: {', '.join(STATISTICS)}"
            )
    return {tuple(row.texts[name] for name in _KEY): row for row in rows}


def correlation_rows(
    distances: Grid, ratings: Grid, options: Options, published: Published | None = None
) -> list[dict[str, Any]]:
    """Correlate every embedding with every criterion.

    All intervals use the same resamples, so that embeddings are compared on the same systems.

    Args:
        distances: by embedding.
        ratings: by criterion, of the same systems and categories.
        options: of the intervals.
        published: correlations to compare with; None if there are none.

    Returns:
        Rows of `fad_study.schemas.papers.CORRELATIONS`.

    Raises:
        FadError: a correlation is not defined, or the tables lack what a published one is about.
    """
    published = published or Published({})
    counts = draw_systems(len(distances.systems), options.resamples, options.seed)
    x, y = dict(_pools(distances)), dict(_pools(ratings))
    rows = []
    left = dict(published.rows)
    for embedding in distances.keys:
        for criterion in ratings.keys:
            found = {
                category: _correlated(x[embedding, category], y[criterion, category], counts)
                for category in (GLOBAL, SYSTEM_MEANS, *distances.categories)
            }
            within = [found[category] for category in distances.categories]
            found[CATEGORY_MEAN] = {name: _mean([each[name] for each in within]) for name in STATISTICS}
            for category in (*POOLS, *distances.categories):
                for statistic, (value, resampled) in found[category].items():
                    key: tuple[str, ...] = (embedding, criterion, category, statistic)
                    low, high = _interval(resampled, options.confidence)
                    rows.append(
                        {
                            **dict(zip(_KEY, key, strict=True)),
                            "value": value,
                            "ci_low": low,
                            "ci_high": high,
                            **_compared(value, left.pop(key, None), embedding, published),
                        }
                    )
    for key, row in left.items():
        raise FadError(
            f"{row.place}: a figure for {label(_KEY, key)}, which is not in the tables: "
            "remove it, or correct the name"
        )
    return rows


def _correlated(
    x: NDArray[np.float64], y: NDArray[np.float64], counts: NDArray[np.int64]
) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Return each coefficient of two pools `[S, P]`, with those of the resamples `[B]`."""
    values, resampled = correlate(x.reshape(-1), y.reshape(-1)), bootstrap(x, y, counts)
    return {name: (values[name], resampled[name]) for name in STATISTICS}


def _mean(of_categories: Sequence[tuple[float, NDArray[np.float64]]]) -> tuple[float, NDArray[np.float64]]:
    """Return the mean of a coefficient over categories, and that of each resample; NaN if one has none."""
    values, resampled = zip(*of_categories, strict=True)
    return sum(values) / len(values), np.mean(resampled, axis=0)


def _pools(grid: Grid) -> Iterator[tuple[tuple[str, str], NDArray[np.float64]]]:
    """Yield the values that are correlated, `[S, P]`, with their (key, category or pool)."""
    for index, key in enumerate(grid.keys):
        values, lines = grid.values[index], grid.lines[index]
        yield (key, GLOBAL), _varied(grid, key, GLOBAL, values, lines)
        means = values.mean(axis=1, keepdims=True)
        yield (key, SYSTEM_MEANS), _varied(grid, key, SYSTEM_MEANS, means, lines)
        for column, category in enumerate(grid.categories):
            chosen = (slice(None), slice(column, column + 1))
            yield (key, category), _varied(grid, key, category, values[chosen], lines[chosen])


def _varied(
    grid: Grid, key: str, category: str, values: NDArray[np.float64], lines: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return values unchanged; raise an error if they are constant."""
    if is_constant(values):
        named_lines = [str(line) for line in np.sort(lines, axis=None)[:_LINES_NAMED]]
        more = ", …" if lines.size > _LINES_NAMED else ""
        raise FadError(
            f"{grid.path}, lines {', '.join(named_lines)}{more}: "
            f"{label((grid.kind, 'category'), (key, category))}: "
            f"all {values.size} values are {values.flat[0]:g}, so that no correlation is defined: "
            f"correct them, or remove this {grid.kind}"
        )
    return values


def _interval(values: NDArray[np.float64], confidence: float) -> tuple[float | None, float | None]:
    """Return percentiles of the resamples that have a correlation; None if fewer than half of them do."""
    defined = values[~np.isnan(values)]
    if 2 * len(defined) < len(values):
        return None, None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _compared(value: float, figure: UserRow | None, embedding: str, published: Published) -> dict[str, Any]:
    """Return the columns that compare a correlation with a published one."""
    if figure is None:
        return {"published": None, "difference": None, "verdict": ""}
    difference = value - figure.numbers["value"]
    # A margin for a figure that was rounded from a value on the edge of the tolerance.
    agrees = abs(difference) <= published.tolerance * (1 + 1e-9)
    verdict = "agrees" if agrees else "differs"
    if embedding in published.seeded:
        verdict = "not comparable"
    return {"published": figure.numbers["value"], "difference": difference, "verdict": verdict}
