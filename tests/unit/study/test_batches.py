"""Shards are divided into batches that seldom change, however the study does."""

from __future__ import annotations

from pathlib import Path

import pytest
from fad_study.batches import Shard, batches_of, shard_sizes, share_batches, shared_batches
from hypothesis import given
from hypothesis import strategies as st

from fad_core.datasets import Dataset
from fad_core.errors import FadError

SIZES = st.dictionaries(
    st.builds(Shard, st.text("abcdef", min_size=1, max_size=6), st.integers(0, 9)),
    st.integers(0, 200),
    max_size=60,
)


@given(SIZES, st.integers(1, 100))
def test_every_shard_is_in_one_batch_of_the_wanted_size(sizes: dict[Shard, int], least: int) -> None:
    batches = batches_of(sizes.items(), least)
    assert sorted(shard for batch in batches.values() for shard in batch) == sorted(sizes)
    for batch in list(batches.values())[:-1]:
        assert sum(max(1, sizes[shard]) for shard in batch) >= least
        # Without its last shard, none is larger than the largest.
        assert sum(max(1, sizes[shard]) for shard in batch[:-1]) < 3 * least


@given(SIZES, st.integers(1, 100))
def test_the_batches_do_not_depend_on_the_order_of_the_sets(sizes: dict[Shard, int], least: int) -> None:
    assert batches_of(sizes.items(), least) == batches_of(reversed(sizes.items()), least)


def test_a_set_more_or_less_changes_few_batches() -> None:
    sizes = {Shard(f"set_{number:03}", 0): 10 for number in range(300)}
    whole = batches_of(sizes.items(), 50)
    changed = []
    for number in range(0, 300, 7):
        fewer = {shard: size for shard, size in sizes.items() if shard.dataset != f"set_{number:03}"}
        changed.append(len(set(batches_of(fewer.items(), 50)) - set(whole)))
    assert len(whole) > 30
    assert sum(changed) / len(changed) < 3
    assert max(changed) < 12


def test_the_batches_of_a_run_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAD_BATCHES", "")
    for sizes in ({}, {Shard("a", 0): 3, Shard("b.c", 11): 0}):
        batches = batches_of(sizes.items(), 2)
        for _ in range(2):
            share_batches(batches, tmp_path)
            assert shared_batches() == batches
    assert len(list(tmp_path.iterdir())) == 2


def test_damaged_batches_are_refused_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAD_BATCHES", "")
    batches = batches_of({Shard("a", 0): 3, Shard("b", 1): 5}.items(), 2)
    share_batches(batches, tmp_path)
    (path,) = tmp_path.iterdir()
    for damaged in (path.read_bytes().replace(b"1", b"0"), b"[", b"\xff", b""):
        path.write_bytes(damaged)
        with pytest.raises(FadError, match="damaged"):
            shared_batches()
        share_batches(batches, tmp_path)
        assert shared_batches() == batches


def test_files_are_counted_in_their_shards(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.wav").write_bytes(b"x" * number)
    datasets = {"a": Dataset("a", str(tmp_path)), "b": Dataset("b", str(tmp_path / "*1.wav"))}
    sizes = shard_sizes(datasets, {"a": 3, "b": 1})
    assert set(sizes) == {Shard("a", 0), Shard("a", 1), Shard("a", 2), Shard("b", 0)}
    assert sum(sizes[Shard("a", number)] for number in range(3)) == sum(range(20))
    assert sizes[Shard("b", 0)] == 1 + 11
