"""What all tests share: how hypothesis runs, and exported models with seeded weights."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from fad_core.models.base import EmbeddingModel

# A busy machine is no fault of the code.
settings.register_profile("fad", deadline=None)
settings.load_profile("fad")


MadeOnce = Callable[[str, Callable[[Path], object]], Path]


# Of tests/unit, the files that take longest, so that no worker begins one of them when the other is done.
SLOWEST = (
    "test_verify.py",
    "test_cuda_kernels.py",
    "test_study_command.py",
    "test_verify_mutations.py",
    "test_drop_in_class.py",
    "test_register_model.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that export a model of hundreds of megabytes, which `make quick` leaves out.

    The tests of the workflow come first, as they are listed, then the slowest files of the others.
    """
    unit = Path(__file__).parent / "unit"
    items.sort(key=lambda item: (unit in item.path.parents) * (1 + (item.path.name not in SLOWEST)))
    for item in items:
        if "seeded_export" in getattr(item, "fixturenames", ()):
            item.add_marker("export")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines of the tests that export a large model: those of the others are the same lines.

    PyTorch's export calls millions of functions, and takes half as long again where calls are counted.
    """
    tracer = sys.gettrace()
    if item.get_closest_marker("export"):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(scope="session", autouse=True)
def single_first() -> None:
    """What resampy gives for float32, with which much is compared, would depend on which test came before."""
    from fad_core.audio.resample import compile_single_first

    compile_single_first()


@pytest.fixture(scope="session", autouse=True)
def no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests export and do not say where is neither taken from the user's cache nor left there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAD_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> MadeOnce:
    """Give a folder of that name, which the first of all workers that asks for it makes."""
    of_worker = tmp_path_factory.getbasetemp()
    root = of_worker.parent if hasattr(request.config, "workerinput") else of_worker

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = root / name
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / ".made").exists():
                shutil.rmtree(folder, ignore_errors=True)  # where it failed before
                folder.mkdir()
                make(folder)
                (folder / ".made").touch()
        return folder

    return made


@pytest.fixture(scope="session")
def small_site(made_once: MadeOnce) -> Path:
    """A folder of packages with the model "small", for processes where the family does not matter."""
    from third_party import install_small_model

    return made_once("small model", lambda folder: install_small_model(folder / "site")) / "site"


@pytest.fixture
def small_model(small_site: Path) -> Iterator[EmbeddingModel]:
    """The model "small" in this process, with its golden embeddings."""
    from small_model import GOLDEN, MODELS

    from fad_core.models import _registered, register_model

    golden = small_site / "small_model" / GOLDEN.name
    model = replace(MODELS[0], verification=replace(MODELS[0].verification, golden=golden))
    register_model(model)
    yield model
    _registered.clear()


@pytest.fixture(scope="session")
def seeded_export(made_once: MadeOnce) -> Callable[[str], Path]:
    """Give the `.pt2` of a model id with seeded weights, made once a session: 290 MB and 5 s each."""
    from fad_core.models import get_model
    from fad_core.runner.pt2 import export_model
    from fad_core.weights import locate_weights

    @cache
    def export(model_id: str) -> Path:
        model, name = get_model(model_id), f"{model_id}.pt2"
        weights = locate_weights(model, "seeded")
        folder = made_once(f"exported {model_id}", lambda folder: export_model(model, weights, folder / name))
        return folder / name

    return export
