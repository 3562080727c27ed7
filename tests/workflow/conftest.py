"""One export and one finished study for all tests of the workflow: each takes a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fad_study.shards import shard_of
from snakemake_runs import WorkingFolder, copy_code

SHARDS = 3

MadeOnce = Callable[[str, Callable[[Path], object]], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.workflow)


def write_clip(path: Path, seed: int, seconds: float = 1.2, rate: int = 16000, channels: int = 1) -> Path:
    """A tone in noise."""
    random = np.random.Generator(np.random.PCG64(seed))
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * random.uniform(200, 2000) * time)
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.05 * random.standard_normal((channels, len(time)))
    soundfile.write(path, (tone + noise).T, rate)
    return path


def names_in_shards(counts: tuple[int, ...]) -> list[str]:
    """File names of which the first shard has the first count, and so on."""
    wanted = list(counts)
    names = []
    for number in range(1000):
        name = f"clip_{number:03}.wav"
        shard = shard_of(name, len(counts))
        if wanted[shard]:
            wanted[shard] -= 1
            names.append(name)
    return names


@pytest.fixture(scope="session")
def code(made_once: MadeOnce) -> Path:
    """A copy of the checkout: what is edited while the tests run does not reach them."""
    return made_once("code", lambda folder: copy_code(folder / "repository")) / "repository"


def verified_in(made_once: MadeOnce, name: str, code: Path, *sites: Path) -> WorkingFolder:
    """A workplace with the exported and verified model, and audio: sets a (three shards) and b."""

    def make(folder: Path) -> None:
        place = WorkingFolder(folder / "work", code, sites)
        for seed, name in enumerate(names_in_shards((2, 1, 1))):
            write_clip(place.root / "audio/a" / name, seed)
        write_clip(place.root / "audio/b/one.flac", 10)
        # Above 5 MB, and not of the model's rate.
        write_clip(place.root / "audio/b/deep/big.wav", 11, seconds=1.1, rate=192000, channels=14)
        place.write_study(datasets={"a": {"path": "audio/a", "shards": SHARDS}, "b": {"path": "audio/b"}})
        place.complete(place.exported, *place.verdicts)

    return WorkingFolder(made_once(name, make) / "work", code, sites)


def finished_in(made_once: MadeOnce, name: str, verified: WorkingFolder) -> WorkingFolder:
    """The study run to its end."""
    folder = made_once(name, lambda folder: verified.copy_to(folder / "work").complete())
    return replace(verified, root=folder / "work")


@pytest.fixture(scope="session")
def verified(made_once: MadeOnce, code: Path, small_site: Path) -> WorkingFolder:
    """A workplace with the small model, exported and verified, and audio."""
    return verified_in(made_once, "verified", code, small_site)


@pytest.fixture(scope="session")
def verified_vggish(made_once: MadeOnce, code: Path) -> WorkingFolder:
    """The same with VGGish."""
    return verified_in(made_once, "verified vggish", code)


@pytest.fixture(scope="session")
def finished(made_once: MadeOnce, verified: WorkingFolder) -> WorkingFolder:
    """The study of the small model, run to its end."""
    return finished_in(made_once, "finished", verified)


@pytest.fixture(scope="session")
def finished_vggish(made_once: MadeOnce, verified_vggish: WorkingFolder) -> WorkingFolder:
    """The study of VGGish, run to its end."""
    return finished_in(made_once, "finished vggish", verified_vggish)


@pytest.fixture
def fresh(tmp_path: Path, verified: WorkingFolder) -> Iterator[WorkingFolder]:
    """A workplace with a verified model and audio, where nothing has been scored."""
    yield verified.copy_to(tmp_path / "work")


@pytest.fixture
def done(tmp_path: Path, finished: WorkingFolder) -> Iterator[WorkingFolder]:
    """A workplace where the study has been run to its end."""
    yield finished.copy_to(tmp_path / "work")
