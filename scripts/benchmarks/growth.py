"""How the cost grows: with files, with the length of one, with sets, with dimensions.

Sizes rise, and each program is a fresh process for each curve: the most memory that it has held by then is
that of the size.
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
from benchmarks.climb import Growth, Measured, climb, shortest
from benchmarks.packages import Package
from benchmarks.parts import squared
from benchmarks.programs import Program, use_once
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model
from fad_core.weights import locate_weights

Row = dict[str, Any]

FILES = Growth("files", "files in both folders", 1, (10, 40, 160, 640))
LENGTH = Growth("length", "seconds of one file, beside three of one second", 1, (4, 16, 64, 256))
SETS = Growth("sets", "sets of 400 vectors, D = 2048, all pairs", 2, (2, 3, 5, 10, 20, 40))
DIMENSION = Growth("dimension", "dimension D of two sets of 5000 vectors", 3, (64, 128, 256, 512, 1024, 2048))


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
    """Measure each growth; write it as a table and a plot as soon as it is done.

    Args:
        packages: what is timed.
        models: ids of those that a file's length is measured with.
        audio: a folder or a glob of recordings.
        threads: numeric threads of each.
        output: the folder to write.
        count: of vectors, where dimensions grow.
        dimension: of vectors, where sets grow.
    """

    def write(growth: Growth, rows: list[Row]) -> None:
        tables.write(rows, output / f"growth-{growth.name}.csv")
        plots.plot_growth(rows, growth, output / f"growth-{growth.name}.svg")

    write(DIMENSION, by_dimension(DIMENSION, count))
    write(SETS, by_sets(SETS, 400, dimension))
    write(FILES, by_files(packages, audio, threads, FILES))
    write(LENGTH, by_length(packages, models, audio, threads, LENGTH))


def by_files(
    packages: Sequence[Package], audio: Path, threads: int, growth: Growth, model: str = "vggish"
) -> list[Row]:
    """From two folders of ever more copies of the recordings to their distance."""

    def write(folder: Path, size: int) -> Sequence[Path]:
        return material.write_copies(audio, folder, size)

    return _by_programs(growth, packages, [model], threads, write)


def by_length(
    packages: Sequence[Package], models: Sequence[str], audio: Path, threads: int, growth: Growth
) -> list[Row]:
    """From two folders, of which one holds an ever longer file, to their distance, by each model."""

    def write(folder: Path, size: int) -> Sequence[Path]:
        return material.write_length(audio, folder, size)

    return _by_programs(growth, packages, models, threads, write)


def by_sets(growth: Growth, count: int, dimension: int) -> list[Row]:
    """All pairs of sets of vectors, by this package and by the original's arithmetic."""
    shape = (max(growth.sizes), count, dimension)
    vectors = np.random.default_rng(2).standard_normal(shape, dtype=np.float32)
    return _by_arithmetic(growth, lambda size: vectors[:size])


def by_dimension(growth: Growth, count: int) -> list[Row]:
    """From two sets of vectors to their distance, by this package and by the original's arithmetic."""
    shape = (2, count, max(growth.sizes))
    vectors = np.random.default_rng(3).standard_normal(shape, dtype=np.float32)
    return _by_arithmetic(growth, lambda size: np.ascontiguousarray(vectors[:, :, :size]))


def _by_arithmetic(growth: Growth, sets: Callable[[int], Any]) -> list[Row]:
    def here(vectors: Any) -> None:
        # Each set is reduced to its triangle once, however many pairs it is of.
        for pair in combinations([Statistics.from_embeddings(each) for each in vectors], 2):
            frechet_distance(*pair)

    def original(vectors: Any) -> None:
        for pair in combinations(vectors, 2):
            squared(*pair)

    def measuring(work: Callable[[Any], None]) -> Callable[[int], Measured]:
        # What a library starts once is not of the first size; nothing large is needed for it.
        work(np.random.default_rng(0).standard_normal((2, 64, 16)))
        return lambda size: shortest(lambda: work(sets(size)))

    return [row for work in (here, original) for row in climb(growth, work.__name__, "", measuring(work))]


def _by_programs(
    growth: Growth,
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
            sets = {size: write(folder / str(size), size) for size in growth.sizes}
            use_once(packages, model, checkpoints, sets[growth.sizes[0]], threads)
            for package in packages:
                with Program(package, model, checkpoints, sets[growth.sizes[0]], threads) as program:
                    if program.offered:
                        rows += climb(growth, package.title, model, _measuring(program, sets))
    return rows


def _measuring(program: Program, sets: dict[int, Sequence[Path]]) -> Callable[[int], Measured]:
    def measure(size: int) -> Measured:
        answer = program.run(sets[size])
        return Measured(answer["seconds"], answer["peak_bytes"] / 1e9)

    return measure
