"""When a shard is scanned anew: if a file of it was added, changed or removed, and not if one was touched."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from fad_study import shards
from fad_study.shards import (
    batch_token,
    content_token,
    read_seen,
    seen_path,
    seen_record,
    shard_files,
    shard_of,
)
from fad_study.steps.files import scan_batch
from hypothesis import given
from hypothesis import strategies as st

from fad_core.datasets import AudioFile, Dataset, Listing, list_files
from fad_core.datasets.scan import FileRecord
from fad_core.errors import ConfigError

NAMES = [f"clip_{number}.wav" for number in range(6)]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "audio").mkdir()
    for number, name in enumerate(NAMES):
        soundfile.write(tmp_path / "audio" / name, [number / 10] * 100, 8000)
    return Dataset("set", str(tmp_path / "audio"))


@pytest.fixture
def tokens(dataset: Dataset, tmp_path: Path):
    """Scan all shards; then give a function that looks at the files as a new start of Snakemake does."""
    manifests = [tmp_path / f"{shard}.parquet" for shard in range(2)]
    for shard, manifest in enumerate(manifests):
        entry = {"dataset": "set", "path": [str(dataset.path)], "shards": 2, "shard": shard}
        scan_batch([entry], "ignore", manifest)

    def look() -> list[str]:
        shards._listing.cache_clear()
        return [
            batch_token({"set": dataset}, {"set": 2}, [("set", shard)], manifest)
            for shard, manifest in enumerate(manifests)
        ]

    return look


def changed(before: list[str], after: list[str]) -> set[int]:
    return {shard for shard in range(2) if before[shard] != after[shard]}


def test_what_is_left_alone_keeps_its_token(tokens):
    assert tokens() == tokens()


def test_adding_changing_and_removing_show_in_one_shard(dataset: Dataset, tokens):
    folder = Path(str(dataset.path))
    before = tokens()
    path = folder / NAMES[0]
    content = path.read_bytes()
    soundfile.write(path, [0.9] * 100, 8000)
    assert changed(before, tokens()) == {shard_of(NAMES[0], 2)}
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    assert tokens() == before, "the old content is back"
    path.unlink()
    assert changed(before, tokens()) == {shard_of(NAMES[0], 2)}
    path.write_bytes(content)
    (folder / "new.wav").write_bytes(content)
    assert changed(before, tokens()) == {shard_of("new.wav", 2)}


def test_touching_shows_nowhere(dataset: Dataset, tokens):
    before = tokens()
    for file in list_files(dataset).files:
        os.utime(file.path)
    assert tokens() == before


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_a_record_that_is_missing_or_damaged_means_a_new_scan(text: str, tmp_path: Path):
    manifest = tmp_path / "0.parquet"
    assert read_seen(manifest) == {}
    seen_path(manifest).write_bytes(text.encode("latin-1"))
    assert read_seen(manifest) == {}


@pytest.mark.parametrize(
    "text", ["[]", "3", '{"set/0": 1}', '{"set/0": {"a.wav": 1}, "set/1": {"a.wav": 1}}', "null"]
)
def test_a_record_of_another_kind_is_no_obstacle(text: str, dataset: Dataset, tokens, tmp_path: Path):
    before = tokens()
    text = text.replace("a.wav", NAMES[0]).replace("set/0", f"set/{shard_of(NAMES[0], 2)}")
    seen_path(tmp_path / f"{shard_of(NAMES[0], 2)}.parquet").write_text(text)
    after = tokens()
    assert changed(before, after) <= {shard_of(NAMES[0], 2)}


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_bytes(name.encode())


class TestShards:
    @pytest.mark.parametrize(("shards", "shard"), [(0, 0), (2, 2), (2, -1)])
    def test_there_is_no_such_shard(self, shards, shard):
        with pytest.raises(ConfigError, match=f"there is no shard {shard} of {shards}"):
            shard_files(Listing((), ()), shards, shard)

    @given(st.lists(st.text(), unique=True), st.integers(1, 20))
    def test_every_file_is_in_one_shard(self, texts, shards):
        listing = Listing(tuple(AudioFile(text, Path(text)) for text in sorted(texts)), ())
        parts = [shard_files(listing, shards, shard) for shard in range(shards)]
        assert sorted(file.name for part in parts for file in part) == sorted(texts)

    def test_the_shard_never_changes(self):
        assert [shard_of(name, 7) for name in ("a.wav", "sub/b.flac", "ö 音.wav")] == [0, 0, 4]


def record(name: str, path: Path) -> FileRecord:
    content = path.read_bytes()
    return FileRecord(name, hashlib.sha256(content).hexdigest(), len(content), "", "", 0, 0, 0, 0.0, "ok", "")


class TestContentToken:
    @pytest.fixture
    def files(self, tmp_path):
        make(tmp_path, "a.wav", "b.wav")
        return [AudioFile(name, tmp_path / name) for name in ("a.wav", "b.wav")]

    def scan(self, files, seen=None):
        return seen_record(files, [record(file.name, file.path) for file in files], seen)

    def test_unchanged(self, files):
        assert content_token(files, self.scan(files)) == content_token(files) == content_token(files[::-1])

    def test_touched_is_not_changed(self, files):
        before = content_token(files)
        seen = self.scan(files)
        os.utime(files[0].path, (1, 1))
        assert content_token(files) != before
        assert content_token(files, seen) == before

    def test_a_touched_file_stays_unchanged_when_another_one_makes_the_scan_run(self, files):
        seen = self.scan(files)
        os.utime(files[0].path, (1, 1))
        files[1].path.write_bytes(b"new content")
        wanted = content_token(files, seen)
        assert content_token(files, self.scan(files, seen)) == wanted

    def test_changes(self, files):
        seen = self.scan(files)
        before = content_token(files, seen)
        tokens = {before, content_token(files[:1], seen)}
        files[0].path.write_bytes(b"A.wav")  # of the same size
        os.utime(files[0].path, (1, 1))
        tokens.add(content_token(files, seen))
        files[0].path.write_bytes(b"longer than that")
        tokens.add(content_token(files, seen))
        files[0].path.unlink()
        tokens.add(content_token(files, seen))
        assert len(tokens) == 5
        renamed = [AudioFile("c.wav", files[1].path)]
        assert content_token(renamed, seen) != content_token(files[1:], seen)

    def test_a_file_that_was_not_readable_is_seen_when_it_is(self, tmp_path):
        tmp_path.chmod(0o755)
        make(tmp_path, "a.wav")
        (tmp_path / "a.wav").chmod(0)
        code = (
            "import os; from pathlib import Path; from fad_core.datasets import *\n"
            "from fad_study.shards import content_token\n"
            "if os.getuid() == 0: os.setuid(65534)\n"
            "print(content_token([AudioFile('a.wav', Path('a.wav'))]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        (tmp_path / "a.wav").chmod(0o644)
        assert done.stdout.strip() != content_token([AudioFile("a.wav", tmp_path / "a.wav")])
