from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from fake_models import ARRAYS, MAIN, fake_model
from local_server import Reply, Server, serving

from fad_core.cli import main
from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint, EmbeddingModel
from fad_core.weights import (
    checkpoint_path,
    default_ckpt_dir,
    fetch_weights,
    load_state,
    locate_weights,
    save_seeded_checkpoint,
    seeded_state,
    state_sha256,
)

# Its name in the package is that of the function.
DOWNLOAD = importlib.import_module("fad_core.weights.download")


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DOWNLOAD, "TIMEOUT", 1.0)
    monkeypatch.setattr(DOWNLOAD, "DELAYS", (0.01,))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, checkpoint: Checkpoint = MAIN) -> Path:
    save_seeded_checkpoint(checkpoint, path)
    return path


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves a right file for MAIN."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with serving(write(tmp_path / "at the server.pth").read_bytes()) as server:
        yield server


def published_at(server: Server, digits: int = 64) -> EmbeddingModel:
    digest = hashlib.sha256(server.content).hexdigest()
    return fake_model(replace(MAIN, url=server.url, sha256=digest[:digits]))


class TestTheCacheFolder:
    def test_it_is_where_torch_hub_has_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        settings: list[dict[str, str]] = [
            {},
            {"XDG_CACHE_HOME": "/xdg"},
            {"TORCH_HOME": "/torch home", "XDG_CACHE_HOME": "/xdg"},
            {"TORCH_HOME": "~/torch"},
        ]
        for setting in settings:
            monkeypatch.delenv("TORCH_HOME", raising=False)
            monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
            for name, value in setting.items():
                monkeypatch.setenv(name, value)
            assert str(default_ckpt_dir()) == torch.hub.get_dir()

    def test_files_lie_where_the_original_packages_look(self, tmp_path: Path) -> None:
        assert checkpoint_path(MAIN, tmp_path) == tmp_path / "checkpoints" / "tiny.pth"
        assert checkpoint_path(replace(MAIN, folder=""), str(tmp_path)) == tmp_path / "tiny.pth"
        assert checkpoint_path(MAIN) == default_ckpt_dir() / "checkpoints" / "tiny.pth"

    def test_locating_does_not_load_torch(self) -> None:
        code = "import sys, fad_core.weights; sys.exit('torch' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)


class TestSeeded:
    def test_they_need_no_file(self, tmp_path: Path) -> None:
        weights = locate_weights(fake_model(MAIN, ARRAYS), "seeded", tmp_path)
        assert (weights.kind, weights.label) == ("seeded", "seeded")
        assert [item.path for item in weights.files] == [None, None]
        assert weights.sha256 == state_sha256(seeded_state(MAIN))
        assert weights.key == weights.sha256[:8]
        assert fetch_weights(weights, tmp_path) == weights
        state = load_state(weights)
        assert state_sha256(state) == state_sha256(seeded_state(MAIN) | seeded_state(ARRAYS))
        assert list(tmp_path.iterdir()) == []

    def test_the_pin_names_them_and_is_checked(self) -> None:
        pinned = replace(MAIN, seeded_sha256="ab" * 32)
        weights = locate_weights(fake_model(pinned), "seeded")
        assert weights.sha256 == "ab" * 32
        with pytest.raises(WeightsError, match="are different"):
            load_state(weights)


class TestFiles:
    def test_the_main_file_with_the_others_beside_it(self, tmp_path: Path) -> None:
        main = write(tmp_path / "fine-tuned.pth")
        others = write(tmp_path / "tiny_pca.pth", ARRAYS)
        weights = locate_weights(fake_model(MAIN, ARRAYS), main)
        assert (weights.kind, weights.label) == ("file", "fine-tuned.pth")
        assert [item.path for item in weights.files] == [main, others]
        assert [item.sha256 for item in weights.files] == [sha256(main), sha256(others)]
        assert fetch_weights(weights) == weights
        state = load_state(weights)
        assert state_sha256(state) == state_sha256(seeded_state(MAIN) | seeded_state(ARRAYS))
        # Nothing is written beside the user's files.
        assert sorted(item.name for item in tmp_path.iterdir()) == ["fine-tuned.pth", "tiny_pca.pth"]
        # Other values in the second file alone are other weights, and have another name.
        write(others, replace(ARRAYS, filename="another stream.pth"))
        changed = locate_weights(fake_model(MAIN, ARRAYS), main)
        assert changed.sha256 == weights.sha256
        assert changed.key != weights.key

    def test_a_folder_with_the_official_names(self, tmp_path: Path) -> None:
        write(tmp_path / "tiny.pth")
        write(tmp_path / "tiny_pca.pth", ARRAYS)
        weights = locate_weights(fake_model(MAIN, ARRAYS), str(tmp_path))
        assert weights.label == "tiny.pth"

    def test_the_home_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        path = write(tmp_path / "mine.pth")
        assert locate_weights(fake_model(MAIN), "~/mine.pth").files[0].path == path

    def test_a_path_that_leads_nowhere(self) -> None:
        with pytest.raises(WeightsError, match=r"oficial is neither .* Did you mean 'official'\?"):
            locate_weights(fake_model(MAIN), "oficial")

    def test_a_name_that_results_would_repeat(self, tmp_path: Path) -> None:
        path = write(tmp_path / "official")
        with pytest.raises(WeightsError, match="rename the file"):
            locate_weights(fake_model(MAIN), str(path))

    def test_a_further_file_that_is_missing(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tiny.pth")
        for choice in (path, tmp_path):
            with pytest.raises(WeightsError, match=r"tiny_pca\.pth was not found in"):
                locate_weights(fake_model(MAIN, ARRAYS), choice)

    def test_a_file_that_changes_under_way(self, tmp_path: Path) -> None:
        path = write(tmp_path / "mine.pth")
        weights = locate_weights(fake_model(MAIN), path)
        write(path, ARRAYS)
        with pytest.raises(WeightsError, match="has changed"):
            load_state(weights)


class TestOfficial:
    @pytest.mark.parametrize("digits", [8, 64])
    def test_located_fetched_and_loaded(self, served: Server, tmp_path: Path, digits: int) -> None:
        model = published_at(served, digits)
        located = locate_weights(model, "official", tmp_path / "hub")
        assert located.files[0].path is None
        assert served.requests == []

        fetched = fetch_weights(located, tmp_path / "hub", progress=False)
        path = tmp_path / "hub" / "checkpoints" / "tiny.pth"
        assert fetched.files[0].path == path
        assert fetched.sha256 == sha256(path)
        assert (fetched.key, fetched.label) == (located.key, "official")
        assert state_sha256(load_state(fetched)) == state_sha256(seeded_state(MAIN))

        assert locate_weights(model, "official", tmp_path / "hub") == fetched
        assert fetch_weights(fetched, tmp_path / "hub") == fetched
        assert len(served.requests) == 1

    def test_a_file_that_was_located_elsewhere_is_not_fetched_again(
        self, served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
        model = published_at(served)
        folder = checkpoint_path(MAIN, tmp_path / "mine").parent
        folder.mkdir(parents=True)
        write(folder / MAIN.filename)
        weights = locate_weights(model, "official", tmp_path / "mine")
        assert fetch_weights(weights).files[0].path == folder / MAIN.filename
        assert not (tmp_path / "empty").exists()

    def test_they_are_not_loaded_before_they_are_fetched(self, served: Server, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=r"tiny\.pth is not on this machine.*seeded"):
            load_state(locate_weights(published_at(served), "official", tmp_path))

    def test_a_file_put_there_by_hand(self, served: Server, tmp_path: Path) -> None:
        write(tmp_path / "checkpoints" / "tiny.pth")
        weights = fetch_weights(locate_weights(published_at(served), "official", tmp_path), tmp_path)
        load_state(weights)
        assert served.requests == []

    def test_another_file_in_the_cache_is_refused(self, served: Server, tmp_path: Path) -> None:
        path = write(tmp_path / "checkpoints" / "tiny.pth", ARRAYS)
        with pytest.raises(WeightsError, match="not the expected file") as caught:
            locate_weights(published_at(served), "official", tmp_path)
        for part in (str(path), sha256(path), f'weights="{path}"'):
            assert part in str(caught.value)
        assert path.exists()

    def test_a_file_that_changes_after_it_was_fetched(self, served: Server, tmp_path: Path) -> None:
        weights = fetch_weights(locate_weights(published_at(served), "official", tmp_path), tmp_path, False)
        write(tmp_path / "checkpoints" / "tiny.pth", ARRAYS)
        with pytest.raises(WeightsError, match="not the expected file"):
            load_state(weights)

    def test_nothing_falls_back(self, served: Server, tmp_path: Path) -> None:
        served.usual = Reply(status=404)
        located = locate_weights(published_at(served), "official", tmp_path)
        with pytest.raises(WeightsError, match="404"):
            fetch_weights(located, tmp_path, progress=False)
        assert list((tmp_path / "checkpoints").iterdir()) == []


class TestTheCommand:
    """`fad weights fetch`, of a model whose checkpoint the server has."""

    @pytest.fixture
    def fetch(
        self, served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], tuple[Result, Path]]:
        model = published_at(served)
        monkeypatch.setattr("fad_core.models.get_model", lambda _name: model)
        arguments = ["weights", "fetch", "tiny", "--ckpt-dir", str(tmp_path / "hub"), "--json"]
        path = tmp_path / "hub" / "checkpoints" / "tiny.pth"
        return lambda: (CliRunner().invoke(main, arguments), path)

    def test_it_fetches_once(self, served: Server, fetch: Callable[[], tuple[Result, Path]]) -> None:
        result, path = fetch()
        assert result.exit_code == 0, result.stderr
        assert path.read_bytes() == served.content
        row = {"checkpoint": "tiny.pth", "path": str(path), "sha256": sha256(path)}
        assert json.loads(result.stdout) == [row]
        assert f"fetching tiny.pth from {served.url}" in result.stderr

        result, _ = fetch()
        assert (result.exit_code, json.loads(result.stdout), result.stderr) == (0, [row], "")
        assert len(served.requests) == 1

    def test_wrong_bytes_are_refused(self, served: Server, fetch: Callable[[], tuple[Result, Path]]) -> None:
        expected = hashlib.sha256(served.content).hexdigest()
        served.content = b"<html>please log in</html>"
        result, path = fetch()
        assert (result.exit_code, result.stdout) == (1, "")
        for part in (
            "error: cannot download tiny.pth: the downloaded data is not the expected file and was removed",
            expected,
            hashlib.sha256(served.content).hexdigest(),
            served.url,
            str(path),
        ):
            assert part in result.stderr
        assert list(path.parent.iterdir()) == []

    def test_an_existing_wrong_file_is_refused_and_not_removed(
        self, served: Server, fetch: Callable[[], tuple[Result, Path]], tmp_path: Path
    ) -> None:
        write(tmp_path / "hub" / "checkpoints" / "tiny.pth", ARRAYS)
        result, path = fetch()
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"error: {path} is not the expected file" in result.stderr
        assert sha256(path) in result.stderr
        assert served.requests == []

    def test_a_cut_connection_is_resumed(
        self, served: Server, fetch: Callable[[], tuple[Result, Path]]
    ) -> None:
        served.replies.append(Reply(cut_after=300))
        result, path = fetch()
        assert result.exit_code == 0, result.stderr
        assert path.read_bytes() == served.content
        assert served.ranges == [None, "bytes=300-"]

    def test_the_next_call_goes_on_where_one_gave_up(
        self, served: Server, fetch: Callable[[], tuple[Result, Path]]
    ) -> None:
        served.replies.append(Reply(cut_after=300))
        served.usual = Reply(status=503)
        result, path = fetch()
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"partial file: {path}.part, 300 bytes; the next attempt resumes it" in result.stderr
        assert not path.exists()
        # The option --weights is one of other commands.
        commands = "clap-score, compare, embed, export, score, stats, verify"
        assert result.stderr.endswith(
            f"\n  --weights FILE  (an option of {commands})\n  --ckpt-dir FOLDER\n"
            f"  --weights seeded  (an option of {commands})\n"
        )

        served.usual = Reply()
        served.requests.clear()
        result, _ = fetch()
        assert result.exit_code == 0, result.stderr
        assert path.read_bytes() == served.content
        assert served.ranges == ["bytes=300-"]


class TestRecords:
    """What stands in `FILE.sha256`."""

    @pytest.fixture
    def record(self, tmp_path: Path) -> Path:
        return tmp_path / "checkpoints" / "tiny.pth.sha256"

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "checkpoints" / "tiny.pth"

    def fetch(self, model: EmbeddingModel, folder: Path) -> str:
        located = locate_weights(model, "official", folder)
        return fetch_weights(located, folder, progress=False).sha256

    def test_sha256sum_can_check_it(self, served: Server, tmp_path: Path, path: Path, record: Path) -> None:
        self.fetch(published_at(served, 8), tmp_path)
        assert record.read_text().endswith(f"\n{sha256(path)}  tiny.pth\n")
        check = ["sha256sum", "--strict", "--check", record.name]
        subprocess.run(check, cwd=record.parent, check=True, capture_output=True)

    def test_it_saves_hashing(self, served: Server, tmp_path: Path, path: Path) -> None:
        digest = self.fetch(published_at(served, 8), tmp_path)
        stat = path.stat()
        # Same size, same time, other bytes: only a record that is believed can miss this.
        path.write_bytes(b"x" * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        code = (
            "from pathlib import Path; import sys; from fad_core.weights.checksums import checked_sha256;"
            "print(checked_sha256(Path(sys.argv[1]), sys.argv[2]))"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, str(path), digest[:8]], capture_output=True, text=True, check=True
        )
        assert result.stdout.strip() == digest

    def test_a_touched_file_is_hashed_and_recorded_again(
        self, served: Server, tmp_path: Path, path: Path, record: Path
    ) -> None:
        digest = self.fetch(published_at(served, 8), tmp_path)
        os.utime(path, ns=(0, 12345))
        assert self.fetch(published_at(served, 8), tmp_path) == digest
        assert "mtime_ns=12345\n" in record.read_text()

    def test_a_published_hash_counts_more(
        self, served: Server, tmp_path: Path, path: Path, record: Path
    ) -> None:
        write(path)
        stat = path.stat()
        lie = f"# size={stat.st_size} mtime_ns={stat.st_mtime_ns}\n{'0' * 64}  tiny.pth\n"
        record.write_text(lie)
        assert self.fetch(published_at(served, 8), tmp_path) == sha256(path)
        assert sha256(path) in record.read_text()

    def test_an_unpublished_file_is_trusted_once(
        self,
        served: Server,
        tmp_path: Path,
        path: Path,
        record: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        model = published_at(served, 0)
        with pytest.raises(WeightsError, match=r"no sha256 of tiny\.pth is published"):
            _ = locate_weights(model, "official", tmp_path).key
        digest = self.fetch(model, tmp_path)
        assert digest in caplog.text
        assert digest in record.read_text()
        assert locate_weights(model, "official", tmp_path).key == digest[:8]

        # The hash is known from now on, even while the file does not exist …
        path.unlink()
        assert locate_weights(model, "official", tmp_path).sha256 == digest
        # … and no other file is accepted, whether downloaded or put there by the user.
        served.content = b"another file"
        with pytest.raises(WeightsError, match="not the expected file and was removed"):
            self.fetch(model, tmp_path)
        assert not path.exists()
        path.write_bytes(b"another file")
        with pytest.raises(WeightsError, match=r"recorded in .*tiny\.pth\.sha256"):
            locate_weights(model, "official", tmp_path)

    def test_a_record_by_sha256sum_is_a_pin_too(
        self, served: Server, tmp_path: Path, path: Path, record: Path
    ) -> None:
        write(path)
        record.write_text(f"{sha256(path)} *tiny.pth\n")
        assert self.fetch(published_at(served, 0), tmp_path) == sha256(path)
        record.write_text(f"{'0' * 64} *tiny.pth\n")
        with pytest.raises(WeightsError, match="not the expected file"):
            self.fetch(published_at(served, 0), tmp_path)

    def test_rubbish_is_no_record(self, served: Server, tmp_path: Path, path: Path, record: Path) -> None:
        write(path)
        record.write_bytes(b"\xff\x00 rubbish\n")
        assert self.fetch(published_at(served, 8), tmp_path) == sha256(path)

    def test_a_record_that_cannot_be_written_is_done_without(
        self, served: Server, tmp_path: Path, path: Path, record: Path
    ) -> None:
        write(path)
        record.mkdir()
        assert self.fetch(published_at(served, 8), tmp_path) == sha256(path)
