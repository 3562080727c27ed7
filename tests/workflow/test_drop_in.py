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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fad_study.steps.reference import write_checkpoints
from snakemake_runs import REPOSITORY, reference_python

from fad_core import FrechetAudioDistance
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models import get_model
from fad_core.weights import locate_weights

pytestmark = pytest.mark.skipif(
    reference_python() is None, reason="no reference environment: make reference-env"
)

HERE = Path(__file__).parent / "drop_in"


@dataclass(frozen=True)
class Family:
    """What a notebook of the original does with one model."""

    model: str
    seconds: float
    arguments: dict[str, Any]
    calls: tuple[str, ...] = ("scores", "stored_embeddings", "arrays", "statistics")


FAMILIES = {
    "vggish": Family(
        "vggish",
        6.0,
        {"model_name": "vggish", "sample_rate": 16000, "use_pca": False, "use_activation": False},
        ("scores", "stored_embeddings", "arrays", "statistics", "dtypes"),
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

    def __init__(self, root: Path, name: str, seeded_export: Callable[[str], Path]) -> None:
        self.root, self.name, self.family = root, name, FAMILIES[name]
        # By its path: that it is exported and verified first where there is none is seen elsewhere.
        self.exported = str(seeded_export(self.family.model))
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
            self.job(name, calls, files or {}, weights=self.exported, device="cpu", **more),
            self.root / name,
        )
        self._run([sys.executable, HERE / "program.py", "fad_core", self.root / "ours", job, out], name)
        return Run(out)

    def _run(self, command: list[Any], name: str) -> None:
        # One thread on both sides: sums are then taken in one order.
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/workflow",
        }
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
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    seeded_export: Callable[[str], Path],
) -> Iterator[Place]:
    root = tmp_path_factory.mktemp(request.param)
    yield Place(root, request.param, seeded_export)
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


# The original's square root of a product of covariances is its own error: 7e-8 was seen.
SCORE = 1e-6
# Its scalars are averaged in float32 steps: 7e-7 was seen.
SCALAR_SCORE = 1e-5


@pytest.mark.filterwarnings("ignore:.*unverified")  # given by its path
def test_one_changed_import(place: Place) -> None:
    """The same embeddings and, where the original is right, the same scores."""
    calls = place.family.calls
    scalars = place.model.quirks.scalar_statistics
    if not scalars:
        right = ours = place.ours("ours", *calls)
    else:
        right = place.ours("right", "stored_embeddings", "arrays")
        # The numbers of old, for who asks for them.
        ours = place.ours("imitating", *calls, compatibility="frechet-audio-distance")
    theirs = place.theirs(
        "theirs", *calls, "others", scipy="older-scipy" if scalars else "", ours=ours.folder / "embds"
    )
    for name in ("first", "second"):
        found, expected = right.array(name), theirs.array(name)
        # PANN's vectors are put end to end there.
        assert expected.ndim == (1 if scalars else 2)
        require_same_vectors(place, found, expected.reshape(found.shape))
    if scalars:
        require_pann_as_it_should_be(place, right, theirs)
        np.testing.assert_allclose(ours.array("first"), theirs.array("first"), rtol=0, atol=1e-5)
    assert ours.results.keys() <= theirs.results.keys()
    for name, value in ours.results.items():
        expected = theirs.results[name]
        print(f"{place.model.name}: {name}: {expected} there, {value} here, {relative(value, expected):.2g}")
        assert relative(value, expected) <= (SCALAR_SCORE if scalars else SCORE)
    for results in (ours.results, theirs.results):
        assert results["score reading"] == results["score writing"]
    if not scalars:
        for name in ("first_mean", "first_covariance", "second_mean", "second_covariance"):
            np.testing.assert_allclose(ours.array(name), theirs.array(name), rtol=1e-3, atol=1e-5)
    require_files_of_each_other(place, ours, theirs)


def require_pann_as_it_should_be(place: Place, ours: Run, theirs: Run) -> None:
    """The original's PANN distance is that of scalars (its issue 37), and with SciPy 1.17 none: -1."""
    assert theirs.results["score with the installed SciPy"] == -1.0
    sets = [np.load(theirs.folder / "embds" / f"{name}.npy") for name in ("background", "test1")]
    expected = exact(sets[0], sets[1], place.model.dimension)
    assert relative(ours.results["score writing"], expected) <= SCORE
    assert relative(ours.results["score writing"], theirs.results["score writing"]) > 0.5


def require_files_of_each_other(place: Place, ours: Run, theirs: Run) -> None:
    """Each reads the embeddings that the other has written."""
    scalars = place.model.quirks.scalar_statistics
    frechet = FrechetAudioDistance(
        ckpt_dir=place.root / "ours",
        model_name=place.family.model,
        weights=place.exported,
        device="cpu",
        compatibility="frechet-audio-distance" if scalars else "none",
    )
    paths = [theirs.folder / "embds" / f"{name}.npy" for name in ("background", "test1")]
    read = frechet.score(None, None, *paths)
    tolerance = SCALAR_SCORE if scalars else SCORE
    assert relative(read, ours.results["score writing"]) <= tolerance
    assert relative(theirs.results["score of ours"], theirs.results["score writing"]) <= tolerance
