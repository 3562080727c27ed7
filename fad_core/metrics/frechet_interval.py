"""Bias and confidence interval of a Fréchet distance, from groups of the files of both sets.

The distance of two samples exceeds that of their populations, by about a/n + b/n² for n files: the fewer
vectors for a dimension, the more. This bias is usually far larger than the spread of the distance, so that a
percentile bootstrap, which adds the bias once more, never covers. Here both are estimated without vectors, by
deleting groups of files from both sets at once (K groups, as many as the smaller set has, at most 20):

* J, the delete-a-group jackknife (Quenouille 1956; for groups of unequal sizes Busing, Meijer & van der
  Leeden, "Delete-m jackknife for unequal m", Statistics and Computing 9, 1999), which is free of a/n, and
  whose pseudo-values give its standard error s;
* H = 2 d − (mean of the distances of halves of the files), which is free of a/n too.

Their remaining biases are −b/n² and −2b/n², so that 2 J − H is nearly free of both terms: it is the corrected
value; and |J − H| measures what is left. The interval is

    2 J − H ± t(K − 1) · √(s² + (J − H)²)

with the quantile of Student's t for K − 1 degrees of freedom, cut at 0. If |J − H| is more than
15 % of the whole correction (and more than half of s), the expansion in 1/n does not hold, since
there are too few vectors for the dimensions in which they spread, and no interval is given: the corrected
value is then still too high. docs/metrics.md has the simulations behind these choices.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fad_core.metrics.effects import Effects
from fad_core.metrics.file_group import FileGroup
from fad_core.metrics.interval_options import FEWEST_FILES
from fad_core.metrics.linear_algebra import linalg
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics

__all__ = ["FrechetInterval", "frechet_interval"]

_CACHED_DIMENSION = 256
"""Up to which the parts of a set without each group are kept, for the set's other pairs: 24 · D² numbers."""


@dataclass(frozen=True)
class FrechetInterval:
    """Bias and confidence interval of a distance, in squared units of the embedding.

    Attributes:
        bias: how much the distance is expected to exceed that of the populations; None if it is not known.
        corrected: the distance without this bias, which may be negative; None if it is not known.
        low: lower end of the interval, ≥ 0; None if there is none.
        high: upper end of the interval; None if there is none.
        effects: the corrected value with the effects of groups of files; None if it is not known.
        note: why there is no interval, or what it is conditional on; empty if there is nothing to say.
    """

    bias: float | None = None
    corrected: float | None = None
    low: float | None = None
    high: float | None = None
    effects: Effects | None = field(default=None, compare=False, repr=False)
    note: str = ""


class _Part(NamedTuple):
    """Some groups of a set together: `rows.T @ rows` is their covariance."""

    mean: NDArray[np.float64]
    rows: NDArray[np.float64]


def frechet_interval(
    reference: Statistics | MeanCovariance,
    evaluation: Statistics | MeanCovariance,
    value: float,
    level: float = 0.95,
) -> FrechetInterval:
    """Estimate the bias of a Fréchet distance, and the interval of that of the populations.

    A set whose files are not known (a mean and covariance, embeddings in one array) is taken as it is: the
    interval is then conditional on it.

    Args:
        reference: statistics of the reference set, with groups of its files.
        evaluation: statistics of the evaluation set, with groups of its files.
        value: their Fréchet distance.
        level: confidence level, between 0 and 1.

    Returns:
        Bias, corrected value and interval, or the reason why there are none.

    >>> from fad_core.metrics.frechet import frechet_distance
    >>> from fad_core.metrics.grouping import grouped_statistics
    >>> random = np.random.default_rng(0)
    >>> names = [f"{number}.wav" for number in range(40)]
    >>> sets = [
    ...     grouped_statistics(((name, random.normal(mean, 1, (10, 2))) for name in names), names)
    ...     for mean in (0, 3)
    ... ]
    >>> found = frechet_interval(*sets, frechet_distance(*sets).value)
    >>> bool(found.low < 18 < found.high)
    True
    """
    if value == 0:  # of a set and itself
        return FrechetInterval(0.0, 0.0, 0.0, 0.0)
    named = {"reference": _groups_of(reference), "evaluation": _groups_of(evaluation)}
    known = {name: groups for name, groups in named.items() if groups}
    if not known:
        return FrechetInterval(note="no interval: the files of both sets are not known")
    few = {name: len(groups) for name, groups in known.items() if len(groups) < FEWEST_FILES}
    if few:
        listed = " and ".join(f"{count} in the {name}" for name, count in few.items())
        return FrechetInterval(note=f"no interval: fewer than {FEWEST_FILES} files ({listed})")
    count = min(map(len, known.values()))
    parts = [
        _parts(each, count) if name in known else _repeated(each, count)
        for name, each in (("reference", reference), ("evaluation", evaluation))
    ]
    distances = np.array([_distance(one, other) for one, other in zip(*parts, strict=True)])
    shares = np.mean([_shares(groups, count) for groups in known.values()], axis=0)
    jackknife, spread = _jackknife(value, distances[:count], shares)
    halves = _extrapolated(value, distances[count:], [shares[half].sum() for half in _halves(count)])
    rest = jackknife - halves
    effects = Effects(jackknife + rest, spread, (), value - jackknife, rest)
    corrected = effects.estimate
    notes = [f"the interval is conditional on the {name}" for name in named if name not in known]
    if not effects.unbiased:
        reason = (
            "no interval: too few vectors for their dimensions to estimate the bias; the corrected value is "
            "still biased"
        )
        return FrechetInterval(value - corrected, corrected, effects=effects, note=reason)
    low, high = (max(0.0, end) for end in effects.interval(level))
    return FrechetInterval(value - corrected, corrected, low, high, effects, "; ".join(notes))


def _groups_of(given: Statistics | MeanCovariance) -> tuple[FileGroup, ...]:
    return given.groups if isinstance(given, Statistics) else ()


def _halves(count: int) -> list[slice]:
    return [slice(0, count // 2), slice(count // 2, count), slice(0, count, 2), slice(1, count, 2)]


def _shares(groups: Sequence[FileGroup], count: int) -> NDArray[np.float64]:
    """Return the share of the set's vectors in each of so many groups."""
    sizes = np.array([sum(group.n for group in groups[place::count]) for place in range(count)])
    return np.asarray(sizes / sizes.sum())


def _parts(given: Statistics | MeanCovariance, count: int) -> Iterable[_Part]:
    """Return the set without each of its groups, and halves of it."""
    assert isinstance(given, Statistics)
    if given.dimension <= _CACHED_DIMENSION:
        return _cached_parts(given, count)
    return _made_parts(given, count)


@lru_cache(maxsize=64)
def _cached_parts(statistics: Statistics, count: int) -> list[_Part]:
    return list(_made_parts(statistics, count))


def _made_parts(statistics: Statistics, count: int) -> Iterator[_Part]:
    places = [statistics.groups[place::count] for place in range(count)]
    scatter = statistics.rows.T @ statistics.rows if statistics.n > statistics.dimension else None
    for number, place in enumerate(places):
        part = None if scatter is None else _without(statistics, scatter, place)
        yield part or _together(itertools.chain(*places[:number], *places[number + 1 :]))
    for half in _halves(count):
        yield _together(itertools.chain(*places[half]))


def _repeated(given: Statistics | MeanCovariance, count: int) -> Iterable[_Part]:
    scale = 1 if given.n is None else math.sqrt(given.n - 1)
    return [_Part(given.mean, given.rows / scale)] * (count + len(_halves(count)))


def _without(
    statistics: Statistics, scatter: NDArray[np.float64], left_out: Iterable[FileGroup]
) -> _Part | None:
    """Return a set without some groups, from its scatter matrix; None if that has not full rank."""
    gone, gone_mean, gone_rows = _joined(left_out)
    n, step = statistics.n - gone, gone_mean - statistics.mean
    if n <= statistics.dimension:
        return None
    rest = scatter - gone_rows.T @ gone_rows - np.outer((statistics.n * gone / n) * step, step)
    rows = _triangle(rest / (n - 1))
    return None if rows is None else _Part(statistics.mean - (gone / n) * step, rows)


def _together(groups: Iterable[FileGroup]) -> _Part:
    n, mean, rows = _joined(groups)
    rows /= math.sqrt(n - 1)
    if len(rows) > rows.shape[1]:
        triangle = _triangle(rows.T @ rows)  # a tenth of the time of QR
        if triangle is None:
            triangle = np.asarray(linalg.qr(rows, mode="r", check_finite=False)[0][: rows.shape[1]])
        rows = triangle
    return _Part(mean, rows)


def _joined(groups: Iterable[FileGroup]) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Return number and mean of the vectors of groups, and rows with rowsᵀ rows their scatter matrix."""
    groups = list(groups)
    n = sum(group.n for group in groups)
    mean = np.sum([group.mean * (group.n / n) for group in groups], axis=0)
    between = np.array([math.sqrt(group.n) * (group.mean - mean) for group in groups])
    return n, mean, np.concatenate([between, *(group.rows for group in groups)])


def _triangle(covariance: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return R `[D, D]` with RᵀR the covariance; None if that is not positive definite."""
    factor, info = linalg.lapack.dpotrf(covariance, lower=0, clean=1)
    return np.asarray(factor) if info == 0 else None


def _distance(one: _Part, other: _Part) -> float:
    """Return the Fréchet distance of two parts.

    Its error is about 1e-8 of the traces, for a third of the time of `frechet_distance`: eigenvalues of the
    product's square stand for its singular values. That suffices for differences that are to be seen above
    the spread of the distances.
    """
    # Swapped sets give the same bytes.
    one, other = sorted((one, other), key=lambda part: (len(part.rows), part.mean.tobytes()))
    difference = one.mean - other.mean
    product = one.rows @ other.rows.T
    square = product @ product.T
    overlap = np.sqrt(linalg.eigvalsh(square, overwrite_a=True, check_finite=False).clip(0)).sum()
    return float(difference @ difference + sum(np.sum(part.rows**2) for part in (one, other)) - 2 * overlap)


def _jackknife(
    value: float, distances: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the jackknife's estimate and the groups' effects, from the distances without each group."""
    inverse = 1 / shares
    pseudo = inverse * value - (inverse - 1) * distances
    estimate = len(distances) * value - float(np.sum((1 - shares) * distances))
    return estimate, (pseudo - estimate) / np.sqrt(len(distances) * (inverse - 1))


def _extrapolated(value: float, distances: NDArray[np.float64], shares: Sequence[float]) -> float:
    """Return the limit, linear in 1/n, of the distances of a share of the vectors and of all."""
    grown = float(np.mean(1 / np.array(shares))) - 1
    return value - (float(distances.mean()) - value) / grown
