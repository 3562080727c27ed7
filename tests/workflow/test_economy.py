"""After a change, a study embeds only the files for which it matters, and its tables are a clean run's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from conftest import write_clip
from snakemake_runs import WorkingFolder

TABLES = ("distances", "files", "datasets", "small.fad.matrix")


def changed(place: WorkingFolder, study: str = "study", **keys: Any) -> int:
    """Run a study after a change; return how many files were embedded, and not taken from the cache."""
    shutil.rmtree(place.root / f"results/{study}/logs", ignore_errors=True)
    place.write_study(study, **({"batch_mb": 64} | keys))
    place.complete(*(f"results/{study}/tables/{name}.csv" for name in TABLES), study=study)
    return place.embedded(study)


def tables(place: WorkingFolder, study: str = "study") -> dict[str, bytes]:
    folder = place.root / "results" / study / "tables"
    return {name: (folder / f"{name}.csv").read_bytes() for name in TABLES}


def test_only_what_changes_is_embedded(done: WorkingFolder, verified: WorkingFolder, tmp_path: Path) -> None:
    audio = done.root / "audio"
    sets: dict[str, Any] = {"a": {"path": "audio/a"}, "b": {"path": "audio/b"}}
    # Other batches, a number of shards, threads, a metric's pairs: the same files.
    assert changed(done, datasets=sets, threads=2, pairs=[["b", "a"]]) == 0
    # A set and a file of other names, and in another place.
    shutil.move(audio / "a", audio / "elsewhere")
    first, second, *_ = sorted((audio / "elsewhere").iterdir())
    first.rename(first.with_name("renamed.wav"))
    sets = {"c": {"path": "audio/elsewhere", "shards": 2}, "b": {"path": "audio/b"}}
    assert changed(done, datasets=sets) == 0
    # A file less, a copy, a short one and a damaged one that are left out.
    second.unlink()
    shutil.copy(audio / "b/one.flac", audio / "elsewhere/copy.flac")
    write_clip(audio / "elsewhere/short.wav", 20, seconds=0.1)
    (audio / "elsewhere/bad.wav").write_bytes(b"RIFF")
    skip = {"on_bad_file": "skip", "on_short_file": "skip"}
    assert changed(done, datasets=sets, **skip) == 0
    # A new file, one of other content, and the short one, which is padded now.
    write_clip(audio / "elsewhere/new.wav", 21)
    write_clip(audio / "elsewhere/renamed.wav", 22)
    pad = {"on_bad_file": "skip", "on_short_file": "pad", "on_duplicate": "drop"}
    assert changed(done, datasets=sets, **pad) == 3
    # A set more, which is a part of another one; another study.
    sets["d"] = {"path": "audio/elsewhere/*e*.wav"}
    assert changed(done, datasets=sets, **pad) == changed(done, "another", datasets=sets, **pad) == 0
    assert tables(done) == tables(done, "another")

    clean = verified.copy_to(tmp_path / "clean")
    shutil.rmtree(clean.root / "audio")
    shutil.copytree(audio, clean.root / "audio")

    assert changed(clean, datasets=sets, embedding_cache=False, **pad) == 10
    assert tables(clean) == tables(done)
    assert not (clean.root / "results/cache").exists()


def test_the_cache_may_be_lost_or_damaged(done: WorkingFolder) -> None:
    before = tables(done)
    sets = {"a": {"path": "audio/a"}, "b": {"path": "audio/b"}}
    for pack in (done.root / "results/cache").rglob("*.pack"):
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 1
        pack.write_bytes(content)
    assert 0 < changed(done, datasets=sets) <= 6
    assert tables(done) == before
    shutil.rmtree(done.root / "results/cache")
    assert changed(done, datasets=sets, batch_mb=1e-6) == 6
    assert tables(done) == before
