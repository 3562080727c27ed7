"""Run time and memory by the number of files, the length of a file, the number of sets, and the dimension.

Sizes ascend, and each curve has a fresh process: its peak memory so far is then that of the current size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from fad_study.steps.reference import write_checkpoints

from benchmarks import material, plots, tables
from benchmarks.packages import Package
from benchmarks.parts import squared
from benchmarks.programs import Program, use_once
from benchmarks.scaling_sweep import Measured, Sweep, run_sweep, shortest
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model
from fad_core.weights import locate_weights

Row = dict[str, Any]

FILES = Sweep("files", "files in both folders", 1, (10, 40, 160, 640))
LENGTH = Sweep("length", "seconds of one file, beside three of one second", 1, (4, 16, 64, 256))
SETS = Sweep("sets", "sets of 400 vectors, D = 2048, all pairs", 2, (2, 3, 5, 10, 20, 40))
DIMENSION = Sweep("dimension", "dimension D of two sets of 5000 vectors", 3, (64, 128, 256, 512, 1024, 2048))


def write_all(
    packages: Sequence[Package],
    models: Sequence[str],
    audio: Path,
    threads: int,
    output: Path,
    *,
    count: int = 5000,
    dimension: int = 2048,
) -> None:
    """Measure all sweeps; write each as a table and a plot as soon as it is done.

    Args:
        packages: the packages to measure.
        models: ids of the models for which the length of a file is varied.
        audio: a folder or a glob of recordings.
        threads: number of numeric threads of each program.
        output: the folder to write.
        count: number of vectors of a set while the dimension is varied.
        dimension: dimension of the vectors while the number of sets is varied.
    """

    def write(sweep: Sweep, rows: list[Row]) -> None:
        tables.write(rows, output / f"growth-{sweep.name}.csv")
        plots.plot_growth(rows, sweep, output / f"growth-{sweep.name}.svg")

    write(DIMENSION, by_dimension(DIMENSION, count))
    write(SETS, by_sets(SETS, 400, dimension))
    write(FILES, by_files(packages, audio, threads, FILES))
    write(LENGTH, by_length(packages, models, audio, threads, LENGTH))


def by_files(
    packages: Sequence[Package], audio: Path, threads: int, sweep: Sweep, model: str = "vggish"
) -> list[Row]:
    """Measure the distance of two folders by their number of files."""

    def write(folder: Path, size: int) -> Sequence[Path]:
        return material.write_copies(audio, folder, size)

    return _by_programs(sweep, packages, [model], threads, write)


def by_length(
    packages: Sequence[Package], models: Sequence[str], audio: Path, threads: int, sweep: Sweep
) -> list[Row]:
    """Measure the distance of two folders by the length of one file, for each model."""

    def write(folder: Path, size: int) -> Sequence[Path]:
        return material.write_length(audio, folder, size)

    return _by_programs(sweep, packages, models, threads, write)


def by_sets(sweep: Sweep, count: int, dimension: int) -> list[Row]:
    """Measure all pairs of sets by the number of sets, for this package and for the textbook formula."""
    shape = (max(sweep.sizes), count, dimension)
    vectors = np.random.default_rng(2).standard_normal(shape, dtype=np.float32)
    return _by_arithmetic(sweep, lambda size: vectors[:size])


def by_dimension(sweep: Sweep, count: int) -> list[Row]:
    """Measure the distance of two sets by the dimension, for this package and for the textbook formula."""
    shape = (2, count, max(sweep.sizes))
    vectors = np.random.default_rng(3).standard_normal(shape, dtype=np.float32)
    return _by_arithmetic(sweep, lambda size: np.ascontiguousarray(vectors[:, :, :size]))


def _by_arithmetic(sweep: Sweep, sets: Callable[[int], Any]) -> list[Row]:
    def here(vectors: Any) -> None:
        # Each set is reduced to its statistics once, however many pairs it is in.
        for pair in combinations([Statistics.from_embeddings(each) for each in vectors], 2):
            frechet_distance(*pair)

    def original(vectors: Any) -> None:
        for pair in combinations(vectors, 2):
            squared(*pair)

    def measuring(work: Callable[[Any], None]) -> Callable[[int], Measured]:
        # A warm-up on small data, so that the start of libraries does not count for the first size.
        work(np.random.default_rng(0).standard_normal((2, 64, 16)))
        return lambda size: shortest(lambda: work(sets(size)))

    return [row for work in (here, original) for row in run_sweep(sweep, work.__name__, "", measuring(work))]


def _by_programs(
    sweep: Sweep,
    packages: Sequence[Package],
    models: Sequence[str],
    threads: int,
    write: Callable[[Path, int], Sequence[Path]],
) -> list[Row]:
    rows: list[Row] = []
    for model in models:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            checkpoints = folder / "checkpoints"
            write_checkpoints(locate_weights(get_model(model), "seeded"), checkpoints)
            sets = {size: write(folder / str(size), size) for size in sweep.sizes}
            use_once(packages, model, checkpoints, sets[sweep.sizes[0]], threads)
            for package in packages:
                with Program(package, model, checkpoints, sets[sweep.sizes[0]], threads) as program:
                    if program.offered:
                        rows += run_sweep(sweep, package.title, model, _measuring(program, sets))
    return rows


def _measuring(program: Program, sets: dict[int, Sequence[Path]]) -> Callable[[int], Measured]:
    def measure(size: int) -> Measured:
        answer = program.run(sets[size])
        return Measured(answer["seconds"], answer["peak_bytes"] / 1e9)

    return measure
