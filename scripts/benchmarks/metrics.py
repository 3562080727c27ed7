"""Time and memory of metrics of arrays, beside the functions of fadtk and kadtk on the same arrays.

Each is measured once, in a process of its own, whose peak memory includes the libraries and the arrays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from multiprocessing import get_context
from typing import Any

import numpy as np
from score_repeatedly import peak_bytes

from benchmarks.functions import fadtk_functions, kadtk_functions
from fad_core.metrics import choose_metric
from fad_core.metrics.base import SetVectors
from fad_core.metrics.grouping import grouped_statistics
from fad_core.metrics.per_file import per_file_scores
from fad_core.metrics.statistics import Statistics


@dataclass(frozen=True)
class Case:
    """Metrics of all pairs of sets of vectors.

    Attributes:
        metric: fad, kad, or "files": all scores of single files.
        dimension: length of a vector.
        vectors: number of vectors of each set.
        files: number of files of each set.
        sets: number of sets.
        other: whether the other package can be timed: not where kadtk would take more than 8 GB.
    """

    metric: str
    dimension: int
    vectors: int
    files: int
    sets: int = 2
    other: bool = True

    @property
    def title(self) -> str:
        """What a table says."""
        named = {"fad": "FAD with bias and interval", "kad": "KAD with interval", "files": "single files"}
        sets = f"all pairs of {self.sets} sets" if self.sets > 2 else "two sets"
        return (
            f"{named[self.metric]}, D = {self.dimension}: "
            f"{sets} of {self.vectors} vectors in {self.files} files"
        )


CASES = (
    Case("fad", 128, 10_000, 200),
    Case("fad", 512, 2000, 200),
    Case("fad", 2048, 5000, 200),
    Case("fad", 128, 1000, 100, sets=20),
    Case("files", 2048, 10_000, 1000),
    Case("kad", 512, 5000, 200),
    Case("kad", 512, 20_000, 200, other=False),
)


@dataclass(frozen=True)
class ArraySet:
    """A set as metrics see it, whose statistics are computed once."""

    vectors: SetVectors

    @classmethod
    def drawn(cls, case: Case, seed: int) -> ArraySet:
        """Draw the vectors of a set; its mean depends on the seed."""
        random = np.random.default_rng(seed)
        shape = (case.vectors, case.dimension)
        scale = 1 / np.sqrt(np.arange(1, case.dimension + 1, dtype=np.float32))
        vectors = (random.standard_normal(shape, dtype=np.float32) + 0.1 * seed) * scale
        files = tuple(f"{number}.wav" for number in range(case.files))
        return cls(SetVectors(files, (case.vectors // case.files,) * case.files, vectors))

    @cached_property
    def _statistics(self) -> Statistics:
        parts = np.split(self.vectors.vectors, len(self.vectors.files))
        return grouped_statistics(zip(self.vectors.files, parts, strict=True), self.vectors.files)

    def vectors_of(self, output: str = "") -> SetVectors:
        """Return the vectors, whatever the output."""
        del output
        return self.vectors

    def statistics_of(self, output: str = "") -> Statistics:
        """Return the vectors' statistics, whatever the output."""
        del output
        return self._statistics


def here(case: Case, sets: list[ArraySet]) -> float:
    """Compute a case by this package; return its last value."""
    if case.metric == "files":
        reference, evaluation = sets
        scores = per_file_scores(reference.statistics_of(), reference.vectors, evaluation.vectors)
        return float(scores[0].fad or 0)
    return [choose_metric(case.metric).compute(*pair).value for pair in combinations(sets, 2)][-1]


def fadtk(case: Case, sets: list[ArraySet]) -> float:
    """Compute FAD by fadtk's functions, without bias, interval, or other scores of files; return the last.

    Of the files, only the first is compared with the reference.
    """
    functions = fadtk_functions()
    moments, distance = functions["calc_embd_statistics"], functions["calc_frechet_distance"]
    vectors = [each.vectors.vectors for each in sets]
    if case.metric == "files":
        vectors[1] = vectors[1][: case.vectors // case.files]
    known = list(map(moments, vectors))
    return [float(np.real(distance(*one, *other))) for one, other in combinations(known, 2)][-1]


def kadtk(case: Case, sets: list[ArraySet]) -> float:
    """Compute KAD by kadtk's function, in its float32 and without interval."""
    del case
    import torch

    tensors = [torch.from_numpy(each.vectors.vectors) for each in sets]
    return float(kadtk_functions()["calc_kernel_audio_distance"](*tensors, (None, None), "cpu"))


def measure(case: Case, package: str) -> dict[str, Any]:
    """Measure a case in this process; the time does not include drawing the vectors."""
    sets = [ArraySet.drawn(case, seed) for seed in range(case.sets)]
    work = {"here": here, "fadtk": fadtk, "kadtk": kadtk}[package]
    start, used = time.perf_counter(), time.process_time()
    work(case, sets)
    # The first file stands for all of them.
    share = case.files if case.metric == "files" and package == "fadtk" else 1
    return {
        "seconds": share * (time.perf_counter() - start),
        "cpu_seconds": share * (time.process_time() - used),
        "peak_gb": peak_bytes() / 1e9,
    }


def rows(others: bool, cases: tuple[Case, ...] = CASES) -> Iterator[dict[str, Any]]:
    """Measure cases one after the other.

    Args:
        others: whether fadtk and kadtk are there.
        cases: what to measure.

    Yields:
        A row of the table for each case.
    """
    for case in cases:
        row: dict[str, Any] = {"part": case.title}
        other = "kadtk" if case.metric == "kad" else "fadtk"
        for name in ["here", other] if others and case.other else ["here"]:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                found = process.submit(measure, case, name).result()
            prefix = "here" if name == "here" else "other"
            row |= {f"{prefix}_{key}": value for key, value in found.items()}
        yield row
