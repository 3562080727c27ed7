"""The table of correlations, beside published figures where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import FadError
from fad_study.correlations.coefficients import STATISTICS, bootstrap, correlate, draw_systems, is_constant
from fad_study.correlations.grid import Grid
from fad_study.ratings import GLOBAL, SYSTEM_MEANS
from fad_study.user_csv import GivenRow, named, read_given, require_unique

_KEY = ("embedding", "criterion", "category", "statistic")
_LINES_NAMED = 5


@dataclass(frozen=True)
class Options:
    """How intervals are made.

    Attributes:
        seed: of the resamples.
        resamples: how many.
        confidence: the share of them within an interval.
    """

    seed: int = 0
    resamples: int = 10_000
    confidence: float = 0.95


@dataclass(frozen=True)
class Published:
    """Correlations that others published, and how near is near enough.

    Attributes:
        rows: by (embedding, criterion, category, statistic).
        tolerance: the largest difference that agrees.
        seeded: embeddings whose distances come of weights that were never trained.
    """

    rows: Mapping[tuple[str, ...], GivenRow]
    tolerance: float = 0.005
    seeded: frozenset[str] = frozenset()


def read_published(path: Path) -> dict[tuple[str, ...], GivenRow]:
    """Published correlations: CSV with the columns embedding, criterion, category, statistic, value, source.

    Raises:
        FadError: the table cannot be read, has two figures for the same, or one of no statistic of ours.
    """
    rows = read_given(path, (*_KEY, "source"), ("value",))
    require_unique(rows, _KEY)
    for row in rows:
        if row.texts["statistic"] not in STATISTICS:
            raise FadError(
                f"{row.place}: no statistic {row.texts['statistic']!r}; there is: {', '.join(STATISTICS)}"
            )
    return {tuple(row.texts[name] for name in _KEY): row for row in rows}


def correlation_rows(
    distances: Grid, ratings: Grid, options: Options, published: Published | None = None
) -> list[dict[str, Any]]:
    """Correlate every embedding with every criterion: rows of `fad_core.tables.schemas.CORRELATIONS`.

    All intervals come of the same resamples, so that embeddings are compared on the same systems.

    Raises:
        FadError: a correlation is not defined, or a published figure is of something that is not there.
    """
    published = published or Published({})
    counts = draw_systems(len(distances.systems), options.resamples, options.seed)
    x, y = dict(_pools(distances)), dict(_pools(ratings))
    rows = []
    left = dict(published.rows)
    for embedding in distances.keys:
        for criterion in ratings.keys:
            for category in (GLOBAL, SYSTEM_MEANS, *distances.categories):
                pair = x[embedding, category], y[criterion, category]
                values = correlate(*(pool.reshape(-1) for pool in pair))
                resampled = bootstrap(*pair, counts)
                for statistic in STATISTICS:
                    key: tuple[str, ...] = (embedding, criterion, category, statistic)
                    low, high = _interval(resampled[statistic], options.confidence)
                    rows.append(
                        {
                            **dict(zip(_KEY, key, strict=True)),
                            "value": values[statistic],
                            "ci_low": low,
                            "ci_high": high,
                            **_beside(values[statistic], left.pop(key, None), embedding, published),
                        }
                    )
    for key, row in left.items():
        raise FadError(
            f"{row.place}: a figure for {named(_KEY, key)}, which the tables do not have: "
            "remove it, or correct the name"
        )
    return rows


def _pools(grid: Grid) -> Iterator[tuple[tuple[str, str], NDArray[np.float64]]]:
    """What is correlated, `[S, P]`, by (key, category or pool)."""
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
    """The values, unless they are all the same."""
    if is_constant(values):
        named_lines = [str(line) for line in np.sort(lines, axis=None)[:_LINES_NAMED]]
        more = ", …" if lines.size > _LINES_NAMED else ""
        raise FadError(
            f"{grid.path}, lines {', '.join(named_lines)}{more}: "
            f"{named((grid.kind, 'category'), (key, category))}: "
            f"all {values.size} values are {values.flat[0]:g}, so that no correlation is defined: "
            f"correct them, or remove this {grid.kind}"
        )
    return values


def _interval(values: NDArray[np.float64], confidence: float) -> tuple[float | None, float | None]:
    """Percentiles of the resamples that have a correlation, if at least half of them do."""
    defined = values[~np.isnan(values)]
    if 2 * len(defined) < len(values):
        return None, None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _beside(value: float, figure: GivenRow | None, embedding: str, published: Published) -> dict[str, Any]:
    """A published figure's columns."""
    if figure is None:
        return {"published": None, "difference": None, "verdict": ""}
    difference = value - figure.numbers["value"]
    # So much beyond, for a figure rounded from a value that lies just on the edge.
    agrees = abs(difference) <= published.tolerance * (1 + 1e-9)
    verdict = "agrees" if agrees else "differs"
    if embedding in published.seeded:
        verdict = "not comparable"
    return {"published": figure.numbers["value"], "difference": difference, "verdict": verdict}
