"""Time programs that score the same two folders, in turns."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from benchmarks.packages import Package
from fad_core.errors import FadError


@dataclass(frozen=True)
class Timing:
    """Measurements of a program.

    Attributes:
        seconds: time of each run, from folders to score.
        value: score of the last run.
        peak_bytes: peak memory of its process.
    """

    seconds: tuple[float, ...]
    value: float
    peak_bytes: int

    @property
    def median(self) -> float:
        """Median time of the runs in seconds."""
        return median(self.seconds)


class Program:
    """A running program, with the model loaded and warmed up.

    Attributes:
        package: name of its package.
        offered: whether the package has the model.
    """

    def __init__(
        self, package: Package, model: str, ckpt_dir: Path, sets: Sequence[Path], threads: int
    ) -> None:
        """Start the program, and return when it has scored once.

        Args:
            package: the package to run.
            model: id of the model.
            ckpt_dir: folder of the checkpoints.
            sets: reference and evaluation folder.
            threads: number of numeric threads.

        Raises:
            FadError: the program ended before it was ready.
        """
        # Other packages must not see the variables of this environment.
        command = [package.python, *([] if package.name == "fad_core" else ["-I"]), str(package.script)]
        command += ["--package", package.name, "--model", model, "--ckpt-dir", str(ckpt_dir)]
        command += ["--threads", str(threads), "--sets", *map(str, sets)]
        self.package = package.name
        # A file: a full pipe, which nobody reads meanwhile, would block the program.
        self._messages = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages, text=True
        )
        self.offered: bool = self._answer()["ready"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._messages.close()

    def run(self, sets: Sequence[Path] = ()) -> dict[str, Any]:
        """Score once more: two other folders if given, else those that it was started with."""
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps([str(path) for path in sets]) if sets else "") + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._messages.seek(0)
            last = self._messages.read().strip().splitlines()[-5:]
            raise FadError(f"benchmark: {self.package} ended: " + "\n".join(last))
        answer: dict[str, Any] = json.loads(line)
        return answer


def use_once(
    packages: Sequence[Package], model: str, ckpt_dir: Path, sets: Sequence[Path], threads: int
) -> None:
    """Make this package export and verify a model beforehand, so that its memory does not count."""
    for package in packages:
        if package.name == "fad_core":
            with Program(package, model, ckpt_dir, sets, threads):
                pass


def time_in_turns(
    packages: Sequence[Package], model: str, ckpt_dir: Path, sets: Sequence[Path], threads: int, repeats: int
) -> dict[str, Timing]:
    """Time packages on the same two folders, in turns, so that other load of the machine affects all alike.

    Args:
        packages: the packages; those without the model are left out.
        model: id of the model.
        ckpt_dir: folder of the checkpoints.
        sets: reference and evaluation folder.
        threads: number of numeric threads of each.
        repeats: number of runs of each.

    Returns:
        Timings by the name of the package.
    """
    use_once(packages, model, ckpt_dir, sets, threads)
    with ExitStack() as stack:
        programs = [
            stack.enter_context(Program(package, model, ckpt_dir, sets, threads)) for package in packages
        ]
        offered = [program for program in programs if program.offered]
        found: dict[str, list[dict[str, Any]]] = {program.package: [] for program in offered}
        for _ in range(repeats):
            for program in offered:
                found[program.package].append(program.run())
                sys.stderr.write(f"{model}: {program.package}: {found[program.package][-1]}\n")
    return {
        package: Timing(
            tuple(run["seconds"] for run in runs), runs[-1]["value"], max(run["peak_bytes"] for run in runs)
        )
        for package, runs in found.items()
    }
