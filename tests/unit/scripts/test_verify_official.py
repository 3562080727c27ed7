"""Official weights that are fetched from a server, and what is said of them."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import verify_official
from fake_models import MAIN, fake_model
from local_server import Reply, Server, serving
from verify_official import File, available, fetch, report

from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel
from fad_core.weights import save_seeded_checkpoint

# Its name in the package is that of the function.
DOWNLOAD = importlib.import_module("fad_core.weights.download")


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DOWNLOAD, "TIMEOUT", 1.0)
    monkeypatch.setattr(DOWNLOAD, "DELAYS", (0.01,))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    save_seeded_checkpoint(MAIN, tmp_path / "seeded.pth")
    with serving((tmp_path / "seeded.pth").read_bytes()) as served:
        yield served


def model(server: Server, name: str, sha256: str = "") -> EmbeddingModel:
    checkpoint = replace(MAIN, filename=f"{name}.pth", url=server.url, sha256=sha256)
    return replace(fake_model(checkpoint), name=name)


def one(server: Server, folder: Path, sha256: str = "") -> File:
    (found,) = fetch([model(server, "one", sha256)], folder, progress=False)
    return found


def test_what_is_known_of_a_hash_is_said(server: Server, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(server.content).hexdigest()
    for digits, known in ((0, "nothing"), (8, "the first 8 digits"), (64, "all digits")):
        found = one(server, tmp_path / str(digits), sha256[:digits])
        assert (found.sha256, found.size, found.fault) == (sha256, len(server.content), "")
        assert found.known == known and f"| {sha256} | {known} | one |" in report([found], {})


def test_a_slow_server_is_waited_for(server: Server, tmp_path: Path) -> None:
    server.usual = Reply(block=512, pause=0.02)
    assert not one(server, tmp_path).fault


@pytest.mark.parametrize(
    ("sha256", "status", "fault"), [("0" * 64, 200, "not the expected file"), ("", 404, "404")]
)
def test_others_are_fetched_although_one_fails(
    server: Server, tmp_path: Path, sha256: str, status: int, fault: str
) -> None:
    server.replies.append(Reply(status=status))
    lost, there = fetch([model(server, "lost", sha256), model(server, "there")], tmp_path, progress=False)
    assert fault in lost.fault and (lost.sha256, lost.size) == ("", 0)
    assert not there.fault and there.sha256
    page = report([lost, there], {})
    assert f"| lost.pth |  | not there: {lost.fault} |" in page


def test_a_model_is_used_if_all_its_files_are_there() -> None:
    vggish, pca = get_model("vggish-pca").checkpoints
    entries = [{"id": "vggish"}, {"id": "vggish-pca"}]
    assert available(entries, [File(vggish, ()), File(pca, ())]) == entries
    assert available(entries, [File(vggish, ()), File(pca, (), fault="lost")]) == entries[:1]


def test_nothing_to_compare_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Path(__file__).resolve().parents[3]
    monkeypatch.setattr(verify_official, "STUDIES", repository / "workflow/studies")
    monkeypatch.setattr(verify_official, "fetch", lambda *_: [])
    monkeypatch.chdir(tmp_path)
    assert verify_official.main() == 1
    assert (
        "# Distances on official weights"
        in (tmp_path / "results/official_weights/official_weights.md").read_text()
    )
