"""What the folder of exported models verifies, and what it need not verify again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from fad_core.api import model_cache as stores
from fad_core.api.model_cache import Store, default_cache_dir, verified_model
from fad_core.errors import OutputError
from fad_core.models import get_model
from fad_core.runner.backend import Backend
from fad_core.verification.check import Comparison
from fad_core.verification.verify import verified_backends
from fad_core.weights import locate_weights

SeededExport = Callable[[str], Path]
Compared = list[tuple[str, str]]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compared:
    """Level and name of each way that is compared; all passes, at once."""
    done: Compared = []

    def row(level: str) -> Comparison:
        values: dict[str, Any] = dict.fromkeys(Comparison.__dataclass_fields__, 0)
        text = {
            "model": "vggish",
            "weights": "seeded",
            "weights_sha256": locate_weights(get_model("vggish"), "seeded").sha256,
            "level": level,
            "case": "a case",
        }
        return Comparison(**values | text | {"quantity": "embedding", "verdict": "passed"})

    def eager(way: Backend, _outputs: object) -> Iterator[Comparison]:
        done.append(("eager", way.name))
        yield row("eager")

    def golden(_path: Path, _progress: object, ways: Sequence[Backend]) -> list[Comparison]:
        done.extend(("golden", way.name) for way in ways)
        return [row("golden")]

    monkeypatch.setattr(stores, "eager_outputs", lambda _model, _weights: None)
    # Only the devices' names are asked for.
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: device)
    monkeypatch.setattr(stores, "run_by", lambda _path, way: way)
    monkeypatch.setattr(stores, "compare_with_eager", eager)
    monkeypatch.setattr(stores, "verify_golden", golden)
    return done


@pytest.fixture
def folder(seeded_export: SeededExport, tmp_path: Path) -> Path:
    weights = locate_weights(get_model("vggish"), "seeded")
    shutil.copy(seeded_export("vggish"), tmp_path / f"vggish-{weights.key}.pt2")
    return tmp_path


def verify(folder: Path, device: str = "cpu") -> list[str]:
    """Verify what is to be verified; return what the user is told."""
    told: list[str] = []
    store = Store(folder, None, told.append, verified_backends(device))
    model, weights = get_model("vggish"), locate_weights(get_model("vggish"), "seeded")
    store.require_eager(folder / f"vggish-{weights.key}.pt2", model, weights)
    store.require_golden(model)
    return told


def test_a_way_is_verified_once(folder: Path, compared: Compared):
    verify(folder)
    assert compared == [(level, name) for level in ("eager", "golden") for name in ("fast", "plain")]
    compared.clear()
    verify(folder)
    assert compared == []


def test_a_way_that_cannot_be_run_here_gets_no_verdict(
    folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
):
    """Without the kernels all runs plain, which is verified; fast is, as soon as there are kernels."""
    golden = stores.verify_golden
    with monkeypatch.context() as without:
        without.setattr(stores, "run_by", lambda _path, way: None if way == Backend() else way)
        without.setattr(
            stores, "verify_golden", lambda *given: [] if given[2] == [Backend()] else golden(*given)
        )
        assert len(verify(folder)) == 2
        assert verify(folder) == [], "nothing is done a second time"
    assert compared == [("eager", "plain"), ("golden", "plain")]
    compared.clear()
    verify(folder)
    assert compared == [("eager", "fast"), ("golden", "fast")]


def test_each_kind_of_gpu_is_verified(folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch):
    verify(folder)
    compared.clear()
    for name in ("one", "another", "one"):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device, name=name: name)
        verify(folder, device="cuda")
    assert compared == [("eager", "cuda"), ("golden", "cuda")] * 2, "what was verified before still is"


def test_another_pytorch_is_verified_anew(folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch):
    verify(folder)
    compared.clear()
    monkeypatch.setattr(torch, "__version__", "another")
    # The export stays as it is here; in use, another version exports anew.
    monkeypatch.setattr(Store, "exported", lambda *_: (folder, None))
    verify(folder)
    assert compared == [(level, name) for level in ("eager", "golden") for name in ("fast", "plain")]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/home/a"}, "/home/a/.cache/fad-core/exported"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": ""}, "/home/a/.cache/fad-core/exported"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": "/cache"}, "/cache/fad-core/exported"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": "/cache", "FAD_CACHE_DIR": "~/models"}, "/home/a/models"),
    ],
)
def test_models_are_stored_in_the_users_cache(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("XDG_CACHE_HOME", "FAD_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_cache_dir() == Path(expected)


def test_the_folder_of_the_checkpoints_is_not_written_to(compared: Compared, folder: Path, tmp_path: Path):
    checkpoints, cache = tmp_path / "checkpoints", tmp_path / "cache"
    checkpoints.mkdir()
    cache.mkdir()
    (export,) = folder.glob("*.pt2")
    shutil.copy(export, cache)
    verified_model("vggish", "seeded", checkpoints, cache_dir=cache)
    assert compared, "it was verified, with verdicts beside the model"
    assert {path.name for path in cache.iterdir()} == {export.name, "verification"}
    assert list(checkpoints.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_is_said_before_the_export(tmp_path: Path):
    (tmp_path / "file").touch()
    said: list[str] = []
    with pytest.raises(OutputError, match=r"cannot write .*file/cache/vggish-"):
        verified_model("vggish", "seeded", report=said.append, cache_dir=tmp_path / "file/cache")
    assert said == []
