"""Time whole studies, by this checkout and by others, and the command on the same sets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import yaml

RATE = 16000
SECONDS = 4.0


class Usage(NamedTuple):
    """What a command has taken.

    Attributes:
        wall: seconds until it ended.
        cpu: seconds of processor time, with all processes that it started.
        text: what it printed.
    """

    wall: float
    cpu: float
    text: str


def time_studies(
    checkouts: Mapping[str, Path], models: Sequence[str], sets: int, clips: int, cores: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """Time a study of many small sets by each checkout; models are exported and verified before.

    Args:
        checkouts: folders of checkouts by their names.
        models: ids of the models, which have seeded weights.
        sets: number of data sets; each is compared with the first one.
        clips: number of clips of four seconds in each.
        cores: number of cores.
        folder: where the audio and the results are written.

    Yields:
        A row for each checkout and state of the cache ("empty", "full"), and one for `fad compare`.
    """
    names = [f"set_{number:03}" for number in range(sets)]
    audio = folder / "audio"
    for seed, name in enumerate(names):
        _write_set(audio / name, clips, seed)
    study = {
        "study": "timed",
        "datasets": {name: {"path": str(audio / name)} for name in names},
        "pairs": [[names[0], name] for name in names[1:]],
        "models": [{"id": model, "weights": "seeded"} for model in models],
    }
    least: dict[str, Any] = {"study": "timed", "program": "fad compare", "cache": "none", "jobs": len(models)}
    compare = [sys.executable, "-c", "from fad_core.cli import main; main()", "compare"]
    compare += [str(audio / name) for name in names]
    compare += [*("--weights", "seeded", "--cache-dir", str(folder / "models"), "--csv"), "--quiet"]
    for _ in range(2):  # the first one exports and verifies
        timed = [
            _run([*compare, "--model", model, "--no-cache", "--threads", str(cores)], folder, {})
            for model in models
        ]
    wall, cpu = sum(each.wall for each in timed), sum(each.cpu for each in timed)
    yield least | {"wall_seconds": wall, "cpu_seconds": cpu}
    yield from time_study(study, checkouts, cores, folder, with_models=False)


def time_study(
    study: Mapping[str, Any],
    checkouts: Mapping[str, Path],
    cores: int,
    folder: Path,
    *,
    with_models: bool = True,
) -> Iterator[dict[str, Any]]:
    """Time a study by each checkout in turn, from the start and with a full cache of embeddings.

    Args:
        study: its configuration, which all of the checkouts understand; paths are absolute.
        checkouts: folders of checkouts by their names.
        cores: number of cores.
        folder: where the results are written.
        with_models: whether the time with an empty cache includes exporting and verifying the models.

    Yields:
        A row for each checkout and state of the cache ("empty", "full").
    """
    results = f"results/{study['study']}"
    for name, checkout in checkouts.items():
        place = folder / f"{study['study']}-{name}"
        place.mkdir()
        config = place / "study.yaml"
        config.write_text(yaml.safe_dump(dict(study), sort_keys=False))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(checkout / "Snakefile")]
        command += ["--directory", str(place), "--configfile", str(config), "--cores", str(cores)]
        environment = {"PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "workflow")])}
        if not with_models:
            _run([*command, "--until", "verify_golden", "verify_eager"], place, environment)
        for cache in ("empty", "full"):
            shutil.rmtree(place / results, ignore_errors=True)
            if cache == "empty":
                shutil.rmtree(place / "results/cache", ignore_errors=True)
            used = _run(command, place, environment)
            (jobs,) = set(re.findall(r"of (\d+) steps \(100%\) done", used.text))
            yield {
                "study": study["study"],
                "program": name,
                "cache": cache,
                "jobs": int(jobs),
                "wall_seconds": used.wall,
                "cpu_seconds": used.cpu,
            }


def _write_set(folder: Path, clips: int, seed: int) -> None:
    """Write clips of noise with a tone."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    times = np.arange(int(SECONDS * RATE)) / RATE
    for number in range(clips):
        tone = np.sin(2 * np.pi * random.uniform(100, 4000) * times)
        samples = random.uniform(0.05, 0.5) * tone + 0.05 * random.standard_normal(len(times))
        soundfile.write(folder / f"{number:04}.wav", samples.clip(-1, 1), RATE)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Usage:
    before, began = os.times(), time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    after = os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Usage(time.monotonic() - began, cpu, done.stdout)
