"""When a shard is scanned anew: if a file of it was added, changed or removed, and not if one was touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import soundfile
from fad_study.steps.files import scan_shard

from fad_core.datasets import Dataset, list_files, shard_of, shards
from fad_core.datasets.shards import read_seen, seen_path, shard_token

NAMES = [f"clip_{number}.wav" for number in range(6)]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "audio").mkdir()
    for number, name in enumerate(NAMES):
        soundfile.write(tmp_path / "audio" / name, [number / 10] * 100, 8000)
    return Dataset("set", str(tmp_path / "audio"), shards=2)


@pytest.fixture
def tokens(dataset: Dataset, tmp_path: Path):
    """Scan all shards; then give a function that looks at the files as a new start of Snakemake does."""
    manifests = [tmp_path / f"{shard}.parquet" for shard in range(2)]
    for shard, manifest in enumerate(manifests):
        scan_shard(dataset, shard, manifest)

    def look() -> list[str]:
        shards._listing.cache_clear()
        return [shard_token(dataset, shard, manifest) for shard, manifest in enumerate(manifests)]

    return look


def changed(before: list[str], after: list[str]) -> set[int]:
    return {shard for shard in range(2) if before[shard] != after[shard]}


def test_what_is_left_alone_keeps_its_token(tokens):
    assert tokens() == tokens()


def test_adding_changing_and_removing_show_in_one_shard(dataset: Dataset, tokens):
    folder = Path(str(dataset.path))
    before = tokens()
    path = folder / NAMES[0]
    kept = path.read_bytes()
    soundfile.write(path, [0.9] * 100, 8000)
    assert changed(before, tokens()) == {shard_of(NAMES[0], 2)}
    path.write_bytes(kept)
    os.utime(path, ns=(1, 1))
    assert tokens() == before, "the old content is back"
    path.unlink()
    assert changed(before, tokens()) == {shard_of(NAMES[0], 2)}
    path.write_bytes(kept)
    (folder / "new.wav").write_bytes(kept)
    assert changed(before, tokens()) == {shard_of("new.wav", 2)}


def test_touching_shows_nowhere(dataset: Dataset, tokens):
    before = tokens()
    for file in list_files(dataset).files:
        os.utime(file.path)
    assert tokens() == before


@pytest.mark.parametrize("text", ["", "{", "\xff"])
def test_a_record_that_is_missing_or_damaged_means_a_new_scan(text: str, tmp_path: Path):
    manifest = tmp_path / "0.parquet"
    assert read_seen(manifest) is None
    seen_path(manifest).write_bytes(text.encode("latin-1"))
    assert read_seen(manifest) is None


@pytest.mark.parametrize("text", ["[]", "3", '{"a.wav": 1}', '{"a.wav": {}}', "null"])
def test_a_record_of_another_kind_is_no_obstacle(text: str, dataset: Dataset, tokens, tmp_path: Path):
    before = tokens()
    text = text.replace("a.wav", NAMES[0])
    seen_path(tmp_path / f"{shard_of(NAMES[0], 2)}.parquet").write_text(text)
    after = tokens()
    assert changed(before, after) <= {shard_of(NAMES[0], 2)}
