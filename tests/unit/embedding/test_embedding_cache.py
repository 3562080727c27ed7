"""Embeddings are cached by content: nothing is embedded twice, and nothing wrong is ever returned."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fad_core.embedding import embedding_cache
from fad_core.embedding.embedding_cache import EmbeddingCache, Entry, cache_info, prune

CONTEXT = {"model": "a model"}


def opened(root: Path, **more: object) -> EmbeddingCache:
    return EmbeddingCache(root, {**CONTEXT, **more}, ["embedding", "logits"])


def key(number: int) -> str:
    return f"{number:040}"


def entry(number: int, rows: int = 3) -> Entry:
    vectors = np.random.default_rng(number).normal(size=(rows, 5)).astype(np.float32)
    return Entry(np.arange(rows) * 0.96, {"embedding": vectors, "logits": vectors[:, :2]})


def fill(root: Path, numbers: range) -> None:
    cache = opened(root)
    for number in numbers:
        cache.put(key(number), entry(number))
    cache.flush()


def found(root: Path, numbers: range) -> set[int]:
    """The numbers whose entries are there; each must be the one that was put."""
    cache = opened(root)
    cache.look_up(map(key, numbers))
    held = set()
    for number in numbers:
        got = cache.get(key(number))
        if got is not None:
            expected = entry(number)
            assert got.start_seconds.tobytes() == expected.start_seconds.tobytes()
            assert got.vectors.keys() == expected.vectors.keys()
            for name, vectors in expected.vectors.items():
                assert got.vectors[name].dtype == np.float32
                assert got.vectors[name].tobytes() == vectors.tobytes()
            held.add(number)
    return held


def packs(root: Path) -> list[Path]:
    return sorted(root.rglob("*.pack"))


def test_what_was_put_is_found_later_and_by_others(tmp_path: Path) -> None:
    fill(tmp_path, range(5))
    assert found(tmp_path, range(8)) == set(range(5))


def test_what_was_put_is_found_before_it_is_written(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    cache.put(key(1), entry(1))
    assert not packs(tmp_path)
    got = cache.get(key(1))
    assert got is not None and got.vectors["embedding"].tobytes() == entry(1).vectors["embedding"].tobytes()


def test_a_pack_in_the_folder_of_another_model_is_not_used(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    other = opened(tmp_path, weights="others")
    other.put(key(7), entry(7))
    other.flush()
    first, second = packs(tmp_path)
    shutil.copy(first, second.parent)
    shutil.copy(second, first.parent)
    later = opened(tmp_path, weights="others")
    later.look_up(map(key, range(8)))
    assert [number for number in range(8) if later.get(key(number))] == [7]
    assert found(tmp_path, range(3)) == {0, 1, 2}


def test_another_model_machine_or_setting_has_entries_of_its_own(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    for other in (opened(tmp_path, numerics="another"), EmbeddingCache(tmp_path, CONTEXT, ["embedding"])):
        other.look_up([key(1)])
        assert other.get(key(1)) is None


def test_a_folder_that_is_missing_or_empty_is_a_cache_without_entries(tmp_path: Path) -> None:
    assert found(tmp_path / "none", range(2)) == set()
    assert cache_info(tmp_path / "none") == [] and prune(tmp_path / "none", 0) == 0
    opened(tmp_path).flush()
    assert not list(tmp_path.iterdir())


def test_many_small_packs_become_one(tmp_path: Path) -> None:
    for number in range(40):
        fill(tmp_path, range(number, number + 1))
    assert len(packs(tmp_path)) < 10
    assert found(tmp_path, range(40)) == set(range(40))


def test_the_packs_that_were_not_used_for_the_longest_time_are_removed_first(tmp_path: Path) -> None:
    fill(tmp_path, range(0, 10))
    first = packs(tmp_path)
    fill(tmp_path, range(10, 20))
    for age, number in ((200, 0), (100, 10)):
        pack = first[0] if number == 0 else (set(packs(tmp_path)) - set(first)).pop()
        os.utime(pack, (time.time() - age,) * 2)
    assert found(tmp_path, range(1)) == {0}  # used now
    size = sum(pack.stat().st_size for pack in packs(tmp_path))
    assert prune(tmp_path, size) == 0
    assert prune(tmp_path, size - 1) == size // 2
    assert found(tmp_path, range(20)) == set(range(10))
    prune(tmp_path, 0)
    assert not list(tmp_path.iterdir())


def test_a_cache_stays_within_its_limit(tmp_path: Path) -> None:
    for number in range(20):
        cache = EmbeddingCache(tmp_path, CONTEXT, ["embedding", "logits"], limit_gb=10e3 / 1e9)
        for each in range(5):
            cache.put(key(5 * number + each), entry(5 * number + each))
        cache.flush()
        assert sum(pack.stat().st_size for pack in packs(tmp_path)) <= 10e3


def test_a_pack_removed_by_another_process_costs_entries_and_no_error(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    cache = opened(tmp_path)
    cache.look_up(map(key, range(3)))
    prune(tmp_path, 0)
    assert cache.get(key(1)) is None


def test_a_full_pack_is_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "_PACK_BYTES", 2000)
    cache = opened(tmp_path)
    for number in range(20):
        cache.put(key(number), entry(number))
    assert len(packs(tmp_path)) > 3


def test_a_cache_that_cannot_be_written_is_said_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = EmbeddingCache(tmp_path / "file", CONTEXT, ["embedding", "logits"])
    cache.put(key(1), entry(1))
    with pytest.warns(RuntimeWarning, match="embeddings are not cached"):
        cache.flush()


def test_no_flipped_bit_and_no_cut_gives_other_vectors(tmp_path: Path) -> None:
    """Every entry is either the one that was put (`found` compares it) or missing."""
    draw = random.Random(1)
    fill(tmp_path, range(6))
    (pack,) = packs(tmp_path)
    whole = pack.read_bytes()
    lost = 0
    for _ in range(400):
        damaged = bytearray(whole)
        if draw.random() < 0.8:
            damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        else:
            del damaged[draw.randrange(len(whole)) :]
        pack.write_bytes(damaged)
        lost += len(found(tmp_path, range(6))) < 6
    # Arrays are stored with headers and padding that are covered by the digests, too.
    assert lost == 400
    fill(tmp_path, range(6))
    assert found(tmp_path, range(6)) == set(range(6))


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_embedding_cache as cache
from fad_core.embedding import embedding_cache
embedding_cache._PACK_BYTES, embedding_cache._SMALL_PACKS = 3000, 4
start, root = int(sys.argv[2]), Path(sys.argv[3])
while True:
    for number in range(start, start + 100, 7):
        cache.fill(root, range(number, number + 9))
        print(number, flush=True)
"""


@pytest.mark.slow
def test_writers_that_are_killed_at_any_moment_leave_a_whole_cache(tmp_path: Path) -> None:
    """Three processes write and merge packs in one folder, while they are killed, and packs removed."""
    draw = random.Random(2)

    def start(number: int) -> subprocess.Popen[str]:
        arguments = [
            sys.executable,
            "-c",
            WRITER,
            str(Path(__file__).parent),
            str(50 * number),
            str(tmp_path),
        ]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    running = [start(number) for number in range(3)]
    for process in running:
        assert process.stdout is not None and process.stdout.readline()
    for _ in range(20):
        time.sleep(draw.uniform(0.05, 0.3))
        place = draw.randrange(3)
        running[place].kill()
        running[place].wait()
        if draw.random() < 0.3:
            prune(tmp_path, 20_000)
        found(tmp_path, range(220))  # compares whatever is there
        running[place] = start(place)
        assert running[place].stdout.readline()  # type: ignore[union-attr]
    for process in running:
        process.kill()
        process.wait()
    fill(tmp_path, range(220))
    assert found(tmp_path, range(220)) == set(range(220))


def test_the_contents_are_listed(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    fill(tmp_path, range(1, 5))
    (info,) = cache_info(tmp_path)
    assert info.files == 5 and info.context["model"] == "a model" and time.time() - info.used < 100
    assert info.bytes == sum(pack.stat().st_size for pack in packs(tmp_path))
