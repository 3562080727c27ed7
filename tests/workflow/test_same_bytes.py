"""The same bytes whatever the cores, shards, batches, cache and the folder that the run is started from."""

from __future__ import annotations

from pathlib import Path

from snakemake_runs import WorkingFolder


def test_cores_shards_and_folder_change_nothing(
    verified_vggish: WorkingFolder, finished_vggish: WorkingFolder, tmp_path: Path
) -> None:
    fresh = verified_vggish.copy_to(tmp_path / "work")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    datasets = {"a": {"path": "audio/a"}, "b": {"path": "audio/b"}}
    fresh.write_study(datasets=datasets, batch_mb=64, embedding_cache=False)
    run = fresh.run(cores=1, folder=elsewhere)
    assert run.status == 0, run.text
    assert not any(elsewhere.iterdir())
    ours, theirs = fresh.results(), finished_vggish.results()
    # What holds the batches themselves differs, and so does the report, where the configuration stands.
    divided = {name for name in ours | theirs if name.startswith(("embeddings/", "manifests/"))}
    assert len(divided) > 6
    for name in (ours.keys() | theirs.keys()) - divided - {"report.html"}:
        assert ours.get(name) == theirs.get(name), name


def test_the_table_says_what_it_is(finished_vggish: WorkingFolder) -> None:
    (row,) = finished_vggish.table("distances")
    assert (row["model"], row["weights"], row["reference"], row["evaluation"]) == (
        "vggish",
        "seeded",
        "a",
        "b",
    )
    assert float(row["value"]) > 0
    assert (row["n_reference"], row["files"], row["excluded"], row["padded"]) == ("4", "6", "0", "0")
    assert "not a published model" in row["note"]
