"""Kill studies at random moments and run them again: the results are those of an uninterrupted study."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from snakemake_runs import WorkingFolder, environment

Trials = Iterator[tuple[str, str]]

MOST_KILLS = 12
"""Of one study; then it is run to its end."""
SECONDS = 300
"""That a run may take."""
_SETS = {"a": {"path": "audio/a", "shards": 2}, "b": {"path": "audio/b"}, "c": {"path": "audio/c"}}
_POLICY = {"on_bad_file": "skip", "on_short_file": "pad"}


class _Folders:
    """Working folders for studies, with what an uninterrupted run of each gives.

    A study has two of three sets with files in common: "a b", "b c" or "a c".
    """

    def __init__(self, finished: WorkingFolder, folder: Path) -> None:
        self._finished = finished
        self._folder = folder
        self._expected: dict[str, dict[str, bytes]] = {}
        self._models: WorkingFolder | None = None
        self.seconds = 10.0
        self._count = 0

    def new(self, sets: str, *, models: bool = True, cache: Path | None = None) -> WorkingFolder:
        """A folder where a study has not been run yet; with the verified model, and a folder of the cache."""
        self._count += 1
        root = self._folder / f"killed {self._count}"
        if models:
            place = self._verified().copy_to(root)
        else:
            place = replace(self._finished, root=root)
            shutil.copytree(self._finished.root / "audio", root / "audio")
        self._write_study(place, sets)
        if cache is not None:
            (root / "results").mkdir(exist_ok=True)
            (root / "results/cache").symlink_to(cache)
        return place

    def expected(self, sets: str) -> Mapping[str, bytes]:
        """The results of the study in a folder of its own."""
        if sets not in self._expected:
            place = self.new(sets)
            start = time.monotonic()
            place.complete()
            self.seconds = time.monotonic() - start
            self._expected[sets] = place.results()
            remove(place)
        return self._expected[sets]

    def warm_cache(self) -> Path:
        """A copy of the cache of the finished study."""
        self._count += 1
        return Path(
            shutil.copytree(self._finished.root / "results/cache", self._folder / f"cache {self._count}")
        )

    def _verified(self) -> WorkingFolder:
        if self._models is None:
            place = replace(self._finished, root=self._folder / "verified")
            shutil.copytree(self._finished.root / "audio", place.root / "audio")
            self._write_study(place, "a b")
            place.complete(place.exported, *place.verdicts)
            self._models = place
        return self._models

    @staticmethod
    def _write_study(place: WorkingFolder, sets: str) -> None:
        place.write_study(datasets={name: _SETS[name] for name in sets.split()}, **_POLICY)


def remove(place: WorkingFolder) -> None:
    """Remove a working folder."""
    shutil.rmtree(place.root)


def killed_studies(rng: np.random.Generator, finished: WorkingFolder, folder: Path) -> Trials:
    """Kill one study after another; every fourth time, two that share a cache run at once.

    Yields:
        "killed" for each kill, "same" for each study that ends in the expected results; else, what is wrong.
    """
    folders = _Folders(finished, folder)
    number = 0
    while True:
        number += 1
        yield from _two_at_once(rng, folders, number) if number % 4 == 0 else _killed(rng, folders, number)


def _killed(rng: np.random.Generator, folders: _Folders, number: int) -> Trials:
    expected = folders.expected("a b")
    with_models, warm = number % 4 != 1, bool(rng.random() < 0.5)
    place = folders.new("a b", models=with_models, cache=folders.warm_cache() if warm else None)
    kind = f"a study {'with' if with_models else 'without'} models, {'warm' if warm else 'cold'} cache"
    # Most runs are killed, and each begins where the one before was.
    limit = folders.seconds * (0.7 if with_models else 1.1)
    run = _start(place)
    for _ in range(MOST_KILLS):
        if _killed_within(run, float(rng.uniform(0, limit))):
            yield kind, "killed"
            run = _start(place)
    yield kind, _outcome(place, run, expected)


def _two_at_once(rng: np.random.Generator, folders: _Folders, number: int) -> Trials:
    names = ("a b", "b c") if number % 8 else ("a c", "b c")
    expected = [folders.expected(name) for name in names]
    cache = folders.warm_cache()
    if rng.random() < 0.7:
        shutil.rmtree(cache)
        cache.mkdir()
    places = [folders.new(name, cache=cache) for name in names]
    runs = [_start(place) for place in places]
    kill = number % 8 == 0
    if kill and _killed_within(runs[0], float(rng.uniform(0, 1.5 * folders.seconds))):
        yield "two studies with one cache", "killed"
        runs[0] = _start(places[0])
    for place, run, results in zip(places, runs, expected, strict=True):
        yield f"two studies with one cache{', one killed' if kill else ''}", _outcome(place, run, results)


def _start(place: WorkingFolder) -> subprocess.Popen[bytes]:
    with (place.root / "run.log").open("wb") as log:
        return subprocess.Popen(
            place.command(),
            cwd=place.root,
            env=environment(*place.sites),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _killed_within(run: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill a run with all its jobs after so many seconds, unless it has ended."""
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
    return False


def _outcome(place: WorkingFolder, run: subprocess.Popen[bytes], expected: Mapping[str, bytes]) -> str:
    """Wait for the end of a run, and compare its results."""
    if _killed_within(run, SECONDS):
        return f"runs for more than {SECONDS} s"
    if run.returncode:
        return (place.root / "run.log").read_text(errors="replace")[-1500:]
    found = place.results()
    different = sorted(
        name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
    )
    if different:
        return f"other results: {', '.join(different[:5])}"
    remove(place)
    return "same"
