#!/usr/bin/env python3
"""Simulate how often confidence intervals of metrics cover the populations' value, and write a CSV.

Two sets of files are drawn from populations whose distance is known in closed form, and each metric's
interval is compared with it, `--trials` times in each cell. A cell is
KIND,D,FILES,VECTORS,CORRELATION,EFFECT: kind of the populations (gaussian, mixture, t8), dimensions, files of
each set, vectors of each file, correlation of two vectors of a file, and the size of the difference of the
populations (0: none).

The bandwidth of KAD is fixed: √(2 D), the root of the mean squared distance of two reference vectors.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fad_core.metrics import choose_metric
from fad_core.metrics.base import SetVectors
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.metrics.statistics import Statistics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One kind of populations and sizes of sets; the module's docstring describes the fields."""

    kind: str
    dimension: int
    files: int
    vectors: int
    correlation: float
    effect: float

    @classmethod
    def of(cls, text: str) -> Cell:
        """Read a cell from its fields, divided by commas."""
        kind, dimension, files, vectors, correlation, effect = text.split(",")
        return cls(kind, int(dimension), int(files), int(vectors), float(correlation), float(effect))


CELLS = [
    Cell("gaussian", 8, 20, 1, 0, 0),
    Cell("gaussian", 8, 50, 1, 0, 1),
    Cell("gaussian", 8, 20, 10, 0.5, 1),
    Cell("gaussian", 128, 200, 1, 0, 1),
    Cell("gaussian", 128, 100, 10, 0.5, 0),
    Cell("gaussian", 512, 1000, 1, 0, 1),
    Cell("mixture", 8, 50, 10, 0.5, 1),
    Cell("mixture", 128, 200, 1, 0, 1),
    Cell("mixture", 512, 200, 10, 0.5, 1),
    Cell("t8", 8, 50, 1, 0, 1),
    Cell("t8", 128, 50, 10, 0.5, 1),
    Cell("t8", 512, 200, 1, 0, 1),
]


@dataclass(frozen=True, eq=False)
class Population:
    """A mixture of Gaussians with diagonal covariances, as vectors of a file draw from it.

    Attributes:
        kind: gaussian, mixture (two Gaussians of equal weight, two apart in each of the first 8 dimensions),
            or t8 (Student's t with 8 degrees of freedom and unit variance, whose scale all dimensions share).
        mean: its mean, `[D]`, but for the mixture's components.
        deviation: standard deviation in each dimension, `[D]`, of each component.
    """

    kind: str
    mean: Array
    deviation: Array

    @property
    def _apart(self) -> Array:
        apart = np.zeros(self.mean.size)
        apart[:8] = 1.0 if self.kind == "mixture" else 0.0
        return apart * self.deviation

    def components(self) -> list[tuple[float, Array, Array]]:
        """Weight, mean and variances of each Gaussian that the population is a mixture of."""
        variances = self.deviation**2
        if self.kind == "mixture":
            return [(0.5, self.mean + sign * self._apart, variances) for sign in (-1, 1)]
        if self.kind == "gaussian":
            return [(1.0, self.mean, variances)]
        # The scale is 3/t for t of a Gamma distribution of shape 4: the trapezoidal rule over log t.
        logarithms = np.linspace(-12, 4.5, 100)
        t = np.exp(logarithms)
        weights = t**4 * np.exp(-t) / 6 * (logarithms[1] - logarithms[0])
        return [(float(w), self.mean, variances * 3 / each) for w, each in zip(weights, t, strict=True)]

    def moments(self) -> MeanCovariance:
        """Mean and covariance."""
        covariance = np.diag(self.deviation**2) + np.outer(self._apart, self._apart)
        return MeanCovariance.from_covariance(self.mean, covariance)

    def draw(self, rng: np.random.Generator, cell: Cell) -> SetVectors:
        """Draw the vectors of a set; all vectors of a file have one component and one scale."""
        shape = (cell.files, cell.vectors, cell.dimension)
        common = rng.standard_normal((cell.files, 1, cell.dimension))
        rows = math.sqrt(cell.correlation) * common
        rows = rows + math.sqrt(1 - cell.correlation) * rng.standard_normal(shape)
        if self.kind == "t8":
            rows *= np.sqrt(3 / rng.gamma(4, size=(cell.files, 1, 1)))
        rows = self.mean + self.deviation * rows
        rows += self._apart * rng.choice([-1.0, 1.0], size=(cell.files, 1, 1))
        names = tuple(f"{file}.wav" for file in range(cell.files))
        vectors = rows.reshape(-1, cell.dimension).astype(np.float32)
        return SetVectors(names, (cell.vectors,) * cell.files, vectors)


def populations_of(cell: Cell) -> tuple[Population, Population]:
    """Return the reference's and the evaluation set's population."""
    unit = Population(cell.kind, np.zeros(cell.dimension), np.ones(cell.dimension))
    phase = np.arange(cell.dimension)
    mean = cell.effect * np.cos(phase) * math.sqrt(2 / cell.dimension)
    return unit, Population(cell.kind, mean, 1 + 0.2 * cell.effect * np.sin(phase))


KernelMean = Callable[[Array, Array, Array, Array], float]
"""Mean of a kernel of independent Gaussian vectors of these means and variances."""


def gaussian_mean(gamma: float) -> KernelMean:
    """Return that of exp(−γ |x − y|²): ∏ (1 + 2 γ v)^(−1/2) exp(−γ d² / (1 + 2 γ v)) over dimensions."""

    def mean(x: Array, x_variances: Array, y: Array, y_variances: Array) -> float:
        wide = 1 + 2 * gamma * (x_variances + y_variances)
        return float(np.exp(-0.5 * np.log(wide).sum() - (gamma * (x - y) ** 2 / wide).sum()))

    return mean


def cubic_mean(x: Array, x_variances: Array, y: Array, y_variances: Array) -> float:
    """Return that of (xᵀy / D + 1)³, from the cumulants of the products of independent components."""
    first = x * y
    second = (x**2 + x_variances) * (y**2 + y_variances)
    third = (x**3 + 3 * x * x_variances) * (y**3 + 3 * y * y_variances)
    cumulants = first, second - first**2, third - 3 * second * first + 2 * first**3
    size = x.size
    mean, variance, skew = (float(each.sum()) / size**order for order, each in enumerate(cumulants, 1))
    mean += 1
    return float(mean**3 + 3 * mean * variance + skew)


def mmd(x: Population, y: Population, kernel: KernelMean) -> float:
    """Return the MMD² of two populations."""

    def mean(a: Population, b: Population) -> float:
        pairs = itertools.product(a.components(), b.components())
        return math.fsum(wa * wb * kernel(ma, va, mb, vb) for (wa, ma, va), (wb, mb, vb) in pairs)

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


@dataclass(frozen=True, eq=False)
class DrawnSet:
    """A set as metrics see it."""

    vectors: SetVectors

    def vectors_of(self, output: str = "") -> SetVectors:
        """Return the vectors, whatever the output."""
        del output
        return self.vectors

    def statistics_of(self, output: str = "") -> Statistics:
        """Return the vectors' statistics, whatever the output."""
        del output
        parts = np.split(self.vectors.vectors, np.cumsum(self.vectors.counts)[:-1])
        return grouped_statistics(zip(self.vectors.files, parts, strict=True), self.vectors.files)


def metric_and_truth(name: str, cell: Cell) -> tuple[str, float]:
    """Return a metric with the options that the simulation gives it, and its value for the populations."""
    x, y = populations_of(cell)
    if name == "kad":
        sigma = math.sqrt(2 * cell.dimension)
        return f"kad bandwidth={sigma!r}", 100 * mmd(x, y, gaussian_mean(1 / (2 * sigma**2)))
    if name == "kid":
        return "kid", mmd(x, y, cubic_mean)
    if name == "fad":
        return "fad", frechet_distance(x.moments(), y.moments()).value
    raise ValueError(f"the populations' value of {name} is not known")


@dataclass(frozen=True)
class Coverage:
    """What the trials of a cell and a metric gave.

    Attributes:
        metric: the metric's name.
        trials: number of trials.
        true: the populations' value.
        value: mean of the values.
        corrected: mean of the corrected values; NaN if there are none.
        intervals: number of trials that gave an interval.
        covered: share of these intervals that hold the populations' value.
        width: their mean width.
    """

    metric: str
    trials: int
    true: float
    value: float
    corrected: float
    intervals: int
    covered: float
    width: float


def simulate(cell: Cell, metrics: list[str], trials: int, seed: int) -> Iterator[Coverage]:
    """Draw sets and compute metrics of them.

    Args:
        cell: populations and sizes.
        metrics: names of metrics.
        trials: number of pairs of sets; all metrics see the same.
        seed: seed of all draws, from which each trial of each cell has its own.

    Yields:
        The coverage of each metric.
    """
    chosen = {name: metric_and_truth(name, cell) for name in metrics}
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in metrics}
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial, cell.dimension, cell.files, cell.vectors])
        sets = [DrawnSet(population.draw(rng, cell)) for population in populations_of(cell)]
        for name, (text, _) in chosen.items():
            value = choose_metric(text).compute(*sets)
            numbers = (value.value, value.corrected, value.ci_low, value.ci_high)
            a, b, c, d = (math.nan if each is None else each for each in numbers)
            found[name].append((a, b, c, d))
    for name, (_, true) in chosen.items():
        values, corrected, low, high = np.array(found[name]).T
        given = np.isfinite(low)
        covered = (low <= true) & (true <= high)
        count = int(given.sum())
        yield Coverage(
            name,
            trials,
            true,
            float(values.mean()),
            float(corrected.mean()),
            count,
            float(covered.sum()) / count if count else math.nan,
            float((high - low)[given].mean()) if count else math.nan,
        )


def main(argv: list[str] | None = None) -> None:
    """Simulate the cells and write a row for each of them and each metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", action="append", type=Cell.of, help="a cell; repeatable; default: twelve")
    parser.add_argument("--metric", action="append", help="fad, kad or kid; repeatable; default: all three")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="the CSV; default: standard output")
    given = parser.parse_args(argv)
    with given.output.open("w", newline="", encoding="utf-8") if given.output else sys.stdout as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for owner in (Cell, Coverage) for field in fields(owner))
        for cell in given.cell or CELLS:
            for row in simulate(cell, given.metric or ["fad", "kad", "kid"], given.trials, given.seed):
                numbers = (f"{each:.6g}" if isinstance(each, float) else each for each in astuple(row))
                writer.writerow([*astuple(cell), *numbers])
                stream.flush()


if __name__ == "__main__":
    main()
