"""What the folder of exported models verifies, and what it need not verify again."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fad_core.api import model_cache as caches
from fad_core.api.model_cache import ModelCache, default_cache_dir, verified_model
from fad_core.errors import OutputError, VerificationError
from fad_core.models import get_model
from fad_core.runner import numerics
from fad_core.runner.backend import Backend
from fad_core.verification.check import Check
from fad_core.verification.eager import EagerLevel
from fad_core.verification.golden import GoldenLevel
from fad_core.verification.verify import verified_backends
from fad_core.weights import locate_weights

SeededExport = Callable[[str], Path]
Compared = list[tuple[str, str]]
BOTH = [(level, name) for level in ("eager", "golden") for name in ("fast", "plain")]


def check(level: str, verdict: str = "passed") -> Check:
    values: dict[str, Any] = dict.fromkeys(Check.__dataclass_fields__, 0)
    text = {
        "model": "vggish",
        "weights": "seeded",
        "weights_sha256": locate_weights(get_model("vggish"), "seeded").sha256,
        "level": level,
        "case": "a case",
    }
    return Check(**values | text | {"quantity": "embedding", "verdict": verdict})


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compared:
    """Level and name of each way that is compared; all passes, at once."""
    done: Compared = []

    def compare(level: Any, way: Backend) -> Iterator[Check]:
        done.append((level.name, way.name))
        yield check(level.name)

    # Only the devices' names are asked for.
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: device)
    monkeypatch.setattr(caches, "run_by", lambda _path, way: way)
    monkeypatch.setattr(EagerLevel, "compare", compare)
    monkeypatch.setattr(GoldenLevel, "compare", compare)
    return done


@pytest.fixture
def folder(seeded_export: SeededExport, tmp_path: Path) -> Path:
    weights = locate_weights(get_model("vggish"), "seeded")
    shutil.copy(seeded_export("vggish"), tmp_path / f"vggish-{weights.key}.pt2")
    return tmp_path


def verify(folder: Path, device: str = "cpu") -> list[str]:
    """Verify what is to be verified; return what the user is told."""
    told: list[str] = []
    cache = ModelCache(folder, None, told.append)
    model, weights = get_model("vggish"), locate_weights(get_model("vggish"), "seeded")
    path = folder / f"vggish-{weights.key}.pt2"
    cache.require_verified(path, model, weights, verified_backends(device))
    return told


def test_a_way_is_verified_once(folder: Path, compared: Compared):
    assert len(verify(folder)) == 4
    assert compared == BOTH
    compared.clear()
    assert verify(folder) == []
    assert compared == []


def test_an_export_of_other_bytes_is_compared_with_its_network_anew(folder: Path, compared: Compared):
    verify(folder)
    compared.clear()
    path = next(folder.glob("*.pt2"))
    path.touch()
    assert verify(folder) == []
    before = path.stat()
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"the same model in a file of other bytes"
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    verify(folder)
    assert compared == [("eager", "fast"), ("eager", "plain")]


def test_what_fails_gets_no_verdict(folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(EagerLevel, "compare", lambda _level, _way: iter([check("eager", "failed")]))
    for _ in range(2):
        with pytest.raises(VerificationError, match="a case, embedding: relative difference"):
            verify(folder)
    assert not (folder / "verification").exists()


def test_a_way_that_cannot_be_run_here_gets_no_verdict(
    folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
):
    """Without the kernels all runs plain, which is verified; fast is, as soon as there are kernels."""
    with monkeypatch.context() as without:
        without.setattr(caches, "run_by", lambda _path, way: None if way == Backend() else way)
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


@pytest.mark.parametrize("variable", ["", "ONEDNN_MAX_CPU_ISA"])
def test_other_numerics_are_verified_anew(
    variable: str, folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
):
    """Another PyTorch, or fewer instructions of the processor."""
    verify(folder)
    compared.clear()
    # The export stays as it is here; in use, another version of PyTorch exports anew.
    monkeypatch.setattr(ModelCache, "export", lambda *_: (next(folder.glob("*.pt2")), None))
    if variable:
        monkeypatch.setenv(variable, "AVX2")
    else:
        monkeypatch.setattr(numerics, "torch_version", lambda: "another")
    verify(folder)
    assert compared == BOTH


def test_a_model_without_golden_embeddings_is_verified_at_the_other_level_alone_and_says_so(
    folder: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
):
    model = get_model("vggish")
    bare = replace(model, verification=replace(model.verification, golden=None))
    monkeypatch.setattr(caches, "get_model", lambda _name: bare)
    monkeypatch.setattr("fad_core.verification.verdicts.find_network", lambda _name: bare)
    exported = verified_model("vggish", "seeded", cache_dir=folder)
    assert compared == BOTH[:2]
    assert exported.note == "unverified against the original package: vggish has no golden embeddings"


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
