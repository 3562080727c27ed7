"""A program written for the original package, run by it and by ours after one changed import.

The same file (`drop_in/program.py`) makes the calls of the original's tests and notebooks, once in each
environment, on the same seeded weights and the same sound. REFERENCE_PYTHON names the original's interpreter,
as for the live verification; where it is set, nothing is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from snakemake_runs import REPOSITORY

from fad_core.frechet import frechet_distance
from fad_core.models import get_model
from fad_core.statistics import Statistics
from fad_core.steps.reference import write_checkpoints
from fad_core.weights import locate_weights


def reference_python() -> str | None:
    named = os.environ.get("REFERENCE_PYTHON")
    default = REPOSITORY / ".venv-reference/bin/python"
    return named or (str(default) if default.is_file() else None)


pytestmark = pytest.mark.skipif(
    reference_python() is None, reason="no reference environment: make reference-env"
)

HERE = Path(__file__).parent / "drop_in"
ALL = ["scores", "kept", "arrays"]


@dataclass(frozen=True)
class Family:
    """What a notebook of the original does with one model."""

    model: str
    seconds: float
    arguments: dict[str, Any]
    calls: tuple[str, ...] = ("scores", "kept", "arrays")


FAMILIES = {
    "vggish": Family(
        "vggish",
        6.0,
        {"model_name": "vggish", "sample_rate": 16000, "use_pca": False, "use_activation": False},
        ("scores", "kept", "arrays", "dtypes"),
    ),
    "pann": Family("pann-16k", 2.0, {"model_name": "pann", "sample_rate": 16000}),
    "clap": Family(
        "clap-630k-audioset",
        2.0,
        {
            "model_name": "clap",
            "submodel_name": "630k-audioset",
            "sample_rate": 48000,
            "enable_fusion": False,
        },
    ),
    "encodec": Family("encodec-24k", 1.0, {"model_name": "encodec", "sample_rate": 24000, "channels": 1}),
}


@dataclass(frozen=True)
class Run:
    """What the program left."""

    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return found

    def array(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy")


class Place:
    """Sound, checkpoints and jobs of one family."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name, self.family = root, name, FAMILIES[name]
        self.model = get_model(self.family.model)
        write_checkpoints(locate_weights(self.model, "seeded"), root / "checkpoints")
        write_sets(root / "sets", self.family.seconds, self.model.sample_rate)
        write_sounds(root / "sounds.npz", self.model.sample_rate)

    def job(self, name: str, calls: tuple[str, ...], files: dict[str, Path], **more: Any) -> Path:
        path = self.root / f"{name}.json"
        job = {
            "arguments": self.family.arguments | {"verbose": False, "audio_load_worker": 8},
            "more": more,
            "calls": calls,
            "sets": str(self.root / "sets"),
            "sounds": str(self.root / "sounds.npz"),
            "sample_rate": self.model.sample_rate,
            "files": {whose: str(folder) for whose, folder in files.items()},
        }
        path.write_text(json.dumps(job))
        return path

    def theirs(self, name: str, *calls: str, scipy: str = "", **files: Path) -> Run:
        job, out = self.job(name, calls, files), self.root / name
        command = [reference_python(), "-I", HERE / "run_original.py", self.name, self.root / "checkpoints"]
        self._run([*command, job, out, *([scipy] if scipy else [])], name)
        return Run(out)

    def ours(self, name: str, *calls: str, files: dict[str, Path] | None = None, **more: Any) -> Run:
        job, out = (
            self.job(name, calls, files or {}, weights="seeded", device="cpu", **more),
            self.root / name,
        )
        self._run([sys.executable, HERE / "program.py", "fad_core", self.root / "ours", job, out], name)
        return Run(out)

    def _run(self, command: list[Any], name: str) -> None:
        # One thread on both sides: sums are then taken in one order.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            list(map(str, command)), env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        (self.root / f"{name}.log").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def write_sets(folder: Path, seconds: float, rate: int) -> None:
    """The sine test: tones that wrap round at their peaks, clean and with noise."""
    random = np.random.Generator(np.random.PCG64(12))
    for name, count, noise in (("background", 10, 0.0), ("test1", 5, 1e-4), ("test2", 5, 1e-5)):
        (folder / name).mkdir(parents=True)
        for frequency in np.linspace(100, 1000, count):
            time = np.linspace(0, seconds, int(seconds * rate))
            sine = np.sin(2 * np.pi * frequency * time)
            sine += noise * np.max(np.abs(sine)) * random.standard_normal(len(sine))
            samples = (2**15 * sine).astype(np.int64).astype(np.int16)
            soundfile.write(folder / name / f"sin_{frequency:.0f}.wav", samples, rate, "PCM_24")
    (folder / "recorded").mkdir()
    for index, other in enumerate((44100, 22050, rate)):
        noise = 0.1 * random.standard_normal((int(1.4 * other), 2))
        soundfile.write(folder / "recorded" / f"{index}.wav", noise, other, "PCM_24")


def write_sounds(path: Path, rate: int) -> None:
    """Three and three sounds, the one group darker than the other, of unlike lengths and types."""
    random = np.random.Generator(np.random.PCG64(34))
    sounds = {}
    for group, smooth in (("first", 8), ("second", 2)):
        for index, (seconds, kind) in enumerate(((1.0, np.float32), (2.0, np.float64), (3.3, np.float32))):
            noise = random.standard_normal(int(seconds * rate) + smooth - 1)
            sound = 0.2 * np.convolve(noise, np.ones(smooth) / smooth, "valid")
            sounds[f"{group}_{index}"] = sound.astype(kind)
    np.savez(path, **sounds)


@pytest.fixture(scope="module", params=FAMILIES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp(request.param)
    yield Place(root, request.param)
    shutil.rmtree(root)  # up to 4 GB


def relative(found: float, expected: float) -> float:
    return abs(found - expected) / abs(expected)


def require_same_vectors(place: Place, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape and found.dtype == expected.dtype
    rms = np.sqrt(np.mean(np.square(expected, dtype=np.float64)))
    assert np.max(np.abs(found - expected)) <= place.model.tolerance * rms


def exact(first: np.ndarray, second: np.ndarray, dimension: int) -> float:
    """The distance of embeddings, by the exact formula."""
    sets = [Statistics.from_embeddings(vectors.reshape(-1, dimension)) for vectors in (first, second)]
    return frechet_distance(*sets).value


def test_one_changed_import(place: Place) -> None:
    calls = place.family.calls
    theirs = place.theirs("theirs", *calls)
    ours = place.ours("ours_1", *calls, "others", files={"theirs": theirs.folder / "embds"})
    print(json.dumps({"theirs": theirs.results, "ours": ours.results}, indent=1))
