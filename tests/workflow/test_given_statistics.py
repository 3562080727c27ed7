"""A study whose reference is a file of statistics."""

from __future__ import annotations

import shutil
from pathlib import Path

from fad_study.given_sets import REMEDY
from snakemake_runs import WorkingFolder

from fad_core.tables import DISTANCES, STATISTICS, read_table, write_table
from fad_core.tables.parquet import read_metadata

B = {"path": "audio/b"}
TABLE = "results/given/tables/distances.parquet"


def value(place: WorkingFolder, study: str) -> float:
    (row,) = read_table(DISTANCES, place.root / f"results/{study}/tables/distances.parquet")
    return float(row["value"])


def with_weights(path: Path, sha256: str) -> None:
    """Give statistics other weights."""
    rows, note = read_table(STATISTICS, path), read_metadata(STATISTICS, path)["note"]
    write_table(STATISTICS, [row | {"weights_sha256": sha256} for row in rows], path, {"note": note})


def test_statistics_of_another_study_as_the_reference(done: WorkingFolder) -> None:
    statistics = done.root / "results/study/statistics/small"
    reference = done.root / "reference.parquet"
    shutil.copy(statistics / "a.parquet", reference)
    models = [{"id": "small", "weights": "seeded", "name": "mine"}]
    done.write_study("given", datasets={"ref": "reference.parquet", "b": B}, models=models)
    run = done.complete(study="given")
    assert {"take_statistics mine/ref", "embed_files mine/b/0", "compute_statistics mine"} <= run.jobs
    assert "scan_files ref/0" not in run.jobs
    assert value(done, "given") == value(done, "study")
    (row,) = done.table("distances", "given")
    assert "ref: given as reference.parquet, not embedded in this study" in row["note"]
    theirs, mine = done.table("datasets"), done.table("datasets", "given")
    assert [each["found"] for each in mine] == [each["found"] for each in theirs]
    assert {each["dataset"] for each in done.table("files", "given")} == {"b"}
    assert not done.plan(study="given").jobs

    # Another file, whose time is older.
    shutil.copy2(statistics / "b.parquet", reference)
    assert done.plan(study="given").jobs >= {"take_statistics mine/ref", "compute_distances mine"}
    assert "embed_files" not in done.complete(TABLE, study="given").rules
    assert value(done, "given") == 0

    with_weights(reference, "0" * 64)
    run = done.run(study="given")
    assert run.status == 1 and not run.jobs
    assert "data set ref: reference.parquet was made with small (seeded weights 00000000), this" in run.text
    assert REMEDY in run.text


def test_a_study_without_audio(done: WorkingFolder) -> None:
    statistics = "results/study/statistics/{{model}}/{}.parquet"
    done.write_study("given", datasets={name: statistics.format(name) for name in "ab"})
    run = done.complete(study="given")
    assert not {"scan_files", "embed_files"} & run.rules
    assert value(done, "given") == value(done, "study")
