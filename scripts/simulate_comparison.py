#!/usr/bin/env python3
"""Simulate comparisons of two systems with one reference, and write a CSV.

In each trial of a cell of `simulate_coverage.py`, a reference and two systems are drawn. The systems are
alike (both of the population that differs from the reference's), or one of them is of the reference's
population. The file has, for each metric: the share of trials in which the test that the systems are
exchangeable gives p ≤ 0.05, and how often 95 % intervals of the difference of the distances hold that of the
populations.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
from simulate_coverage import CELLS, Cell, DrawnSet, metric_and_truth, populations_of

from fad_core.metrics import choose_metric
from fad_core.metrics.comparison import Difference, compare_systems

COLUMNS = ("systems", "metric", "trials", "rejected", "intervals", "covered")


def simulate(cell: Cell, metric: str, alike: bool, trials: int, seed: int) -> list[Difference]:
    """Draw a reference and two systems in each trial, and compare the systems.

    Args:
        cell: populations and sizes.
        metric: name of the metric.
        alike: whether both systems are of the population that differs from the reference's.
        trials: number of trials.
        seed: seed of all draws.
    """
    text, _ = metric_and_truth(metric, cell)
    near, far = populations_of(cell)
    results = []
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial, cell.dimension, cell.files, cell.vectors, alike])
        drawn = [DrawnSet(each.draw(rng, cell)) for each in (near, far, far if alike else near)]
        # Names pair files, though what is drawn for them is independent.
        systems = [choose_metric(text).compute(drawn[0], each).system for each in drawn[1:]]
        assert systems[0] is not None and systems[1] is not None
        results.append(compare_systems(systems[0], systems[1], seed=trial))
    return results


def main(argv: list[str] | None = None) -> None:
    """Simulate the cells and write two rows for each of them and each metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", action="append", type=Cell.of, help="a cell; repeatable; default: twelve")
    parser.add_argument("--metric", action="append", help="fad, kad or kid; repeatable; default: fad and kad")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="the CSV; default: standard output")
    given = parser.parse_args(argv)
    with given.output.open("w", newline="", encoding="utf-8") if given.output else sys.stdout as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*(field.name for field in fields(Cell)), *COLUMNS])
        for cell in given.cell or CELLS:
            for metric in given.metric or ["fad", "kad"]:
                true = metric_and_truth(metric, cell)[1]
                for alike in (True, False):
                    found = simulate(cell, metric, alike, given.trials, given.seed)
                    wanted = 0.0 if alike else true
                    intervals = [(each.ci_low, each.ci_high) for each in found]
                    ends = [(low, high) for low, high in intervals if low is not None and high is not None]
                    covered = np.mean([low <= wanted <= high for low, high in ends]) if ends else np.nan
                    rejected = np.mean([each.p is not None and each.p <= 0.05 for each in found])
                    kind = "alike" if alike else "different"
                    numbers = [given.trials, f"{rejected:.4g}", len(ends), f"{covered:.4g}"]
                    writer.writerow([*astuple(cell), kind, metric, *numbers])
                    stream.flush()


if __name__ == "__main__":
    main()
