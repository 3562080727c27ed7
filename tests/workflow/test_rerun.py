"""What a run does anew: what a change feeds, and nothing else."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from conftest import SHARDS, write_clip
from fad_study.shards import shard_of
from snakemake_runs import Run, WorkingFolder, copy_code

NOTHING = "Nothing to be done"
# What depends on the decisions on files, whatever the shard: embeddings are taken from the cache.
AFTER = {
    *(f"embed_files small/{shard}" for shard in ("a/0", "a/1", "a/2", "b/0")),
    "compute_statistics small",
    "compute_distances small",
    "collect_distances",
    "collect_files",
    "write_matrix small/fad",
    "plot_heatmap small/fad",
    "write_report",
    "write_paper_tables",
    "write_methods",
}


def of_shards(*shards: int) -> set[str]:
    jobs = {"check_files"} | AFTER
    return jobs | {f"scan_files a/{shard}" for shard in shards}


def clips(place: WorkingFolder) -> dict[str, Path]:
    return {path.name: path for path in sorted((place.root / "audio/a").iterdir())}


def in_shard(place: WorkingFolder, shard: int) -> list[Path]:
    return [path for name, path in clips(place).items() if shard_of(name, SHARDS) == shard]


def nothing(run: Run) -> bool:
    return NOTHING in run.text and not run.jobs


def test_a_second_run_has_nothing_to_do(done: WorkingFolder) -> None:
    before = done.results()
    assert nothing(done.complete())
    assert done.results() == before


def test_all_that_is_promised_is_there(finished: WorkingFolder) -> None:
    folder = finished.root / "results/study"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tables = {"distances.csv", "distances.parquet", "files.csv", "datasets.csv", "small.fad.matrix.csv"}
    tables |= {f"{name}.{suffix}" for name in ("distances", "methods") for suffix in ("md", "tex")}
    batches = [finished.batch(shard) for shard in ("a/0", "a/1", "a/2", "b/0")]
    embeddings = {f"embeddings/small/{batch}.parquet" for batch in batches}
    assert {f"tables/{name}" for name in tables} | embeddings <= names
    assert {"report.html", "figures/small.fad.heatmap.svg", "decisions.parquet"} <= names
    assert {f"manifests/{batch}.parquet" for batch in batches} <= names
    assert {"statistics/small/a.parquet", "statistics/small/b.parquet"} <= names
    for rule, item in (("embed_files", f"small/{batches[0]}"), ("compute_statistics", "small")):
        assert f"logs/{rule}/{item}.log" in names
        assert f"benchmarks/{rule}/{item}.tsv" in names
    # Nothing half written, and nothing of another program's.
    assert not [name for name in names if Path(name).name.startswith(".")]


def test_snakemakes_own_report(done: WorkingFolder) -> None:
    done.complete("--report", "snakemake.html")
    report = (done.root / "snakemake.html").read_text()
    assert "heatmap" in report and "distances" in report


def test_an_added_file_runs_its_shard(done: WorkingFolder) -> None:
    added = next(name for name in map("new_{}.wav".format, range(99)) if shard_of(name, SHARDS) == 1)
    write_clip(done.root / "audio/a" / added, 50)
    assert done.plan().jobs == of_shards(1)


def test_a_changed_file_runs_its_shard(done: WorkingFolder) -> None:
    write_clip(in_shard(done, 2)[0], 51)  # other bytes, the same size
    assert done.plan().jobs == of_shards(2)


def test_a_renamed_file_runs_both_its_shards(done: WorkingFolder) -> None:
    old = in_shard(done, 0)[0]
    old.rename(old.with_name(next(n for n in map("x{}.wav".format, range(99)) if shard_of(n, SHARDS) == 2)))
    assert done.plan().jobs == of_shards(0, 2)


def test_touched_files_run_nothing(done: WorkingFolder) -> None:
    big = done.root / "audio/b/deep/big.wav"
    small = in_shard(done, 0)[0]
    assert big.stat().st_size > 5_000_000 and small.stat().st_size < 50_000
    for path in (big, small):
        os.utime(path)
    assert nothing(done.plan())


def test_touched_changed_and_removed(done: WorkingFolder) -> None:
    touched, changed = in_shard(done, 0)
    os.utime(touched)
    write_clip(changed, 52)
    (removed,) = in_shard(done, 1)  # the shard's only file
    removed.unlink()
    assert done.complete().jobs == of_shards(0, 1)
    files = done.table("files")
    assert {row["file"] for row in files if row["dataset"] == "a"} == set(clips(done))
    # Neither the touched file nor the others are taken for changed ones after that.
    os.utime(touched)
    os.utime(changed)
    assert nothing(done.plan())


def test_a_changed_list_runs_the_shards_of_the_files_that_it_gains_or_loses(done: WorkingFolder) -> None:
    listed = done.root / "audio/a.txt"
    paths = [f"a/{name}\n" for name in clips(done)]
    listed.write_text("".join(paths))
    sets: dict[str, Any] = {"a": {"path": "@audio/a.txt", "shards": SHARDS}, "b": {"path": "audio/b"}}
    done.write_study(datasets=sets)
    done.complete()
    assert done.embedded() == 0, "the cache knows all files"
    assert [f"{row['file']}\n" for row in done.table("files") if row["dataset"] == "a"] == paths
    os.utime(listed)
    listed.write_text("# the same files\n" + "".join(reversed(paths)))
    assert nothing(done.plan())
    removed = paths.pop(0)
    listed.write_text("".join(paths))
    shard = shard_of(removed.strip(), SHARDS)
    assert {job for job in done.plan().jobs if job.startswith("scan")} == {f"scan_files a/{shard}"}
    listed.write_text("a/lost.wav\nb/lost.wav\n")
    text = done.run("--dry-run").text
    assert "a/lost.wav does not exist" in text and "b/lost.wav does not exist" in text


def replan(done: WorkingFolder, **keys: Any) -> set[str]:
    """Rules that would run after the study's options have been changed."""
    datasets = {"a": {"path": "audio/a", "shards": SHARDS}, "b": {"path": "audio/b"}}
    done.write_study(datasets=datasets, **keys)
    return done.plan().rules


def test_a_changed_option_runs_what_it_feeds(done: WorkingFolder) -> None:
    padded = replan(done, on_short_file="pad")
    assert {"check_files", "embed_files", "compute_statistics", "collect_files", "write_report"} <= padded
    assert not {"scan_files", "export_model", "verify_golden"} & padded
    assert "check_files" in replan(done, on_bad_file="skip")
    assert "check_files" in replan(done, on_duplicate="drop")
    paired = replan(done, pairs=[["b", "a"]])
    assert {"compute_distances", "write_matrix", "write_report"} <= paired
    assert not {"compute_statistics", "check_files", "embed_files"} & paired
    threads = replan(done, threads=2)
    assert {"compute_statistics", "compute_distances"} <= threads
    assert not {"export_model", "verify_golden", "embed_files"} & threads
    assert "embed_files" not in replan(done, embedding_cache=False, embedding_cache_gb=1)
    limited = replan(done, isa="avx2")
    assert {"verify_eager", "verify_golden", "embed_files", "compute_statistics"} <= limited
    assert "compute_distances" in limited and "export_model" not in limited
    mixed = replan(done, mixed_numerics="allow")
    assert {"compute_statistics", "compute_distances"} <= mixed and "embed_files" not in mixed


def test_a_label_changes_what_people_read_alone(done: WorkingFolder) -> None:
    sets = {"a": {"path": "audio/a", "shards": SHARDS, "label": "Ours {v2}"}, "b": "audio/b"}
    done.write_study(datasets=sets, reference="b")
    run = done.complete()
    people = {"collect_files", "plot_heatmap", "write_paper_tables", "write_methods", "write_report"}
    # Another reference: the distance is computed again.
    distances = {"compute_distances", "collect_distances", "write_matrix"}
    assert run.rules == people | distances
    assert {row["dataset"]: row["label"] for row in done.table("datasets")} == {"a": "Ours {v2}", "b": "b"}
    assert [(row["reference"], row["evaluation"]) for row in done.table("distances")] == [("b", "a")]
    folder = done.root / "results/study"
    assert "<td>Ours {v2}</td>" in (folder / "report.html").read_text(encoding="utf-8")
    for name in ("distances", "methods"):
        assert r"Ours \{v2\}" in (folder / f"tables/{name}.tex").read_text(encoding="utf-8")


def test_options_that_swap_their_values_are_noticed(done: WorkingFolder) -> None:
    replan(done, on_bad_file="skip", on_short_file="fail")
    done.complete("results/study/decisions.parquet")
    assert "check_files" in replan(done, on_bad_file="fail", on_short_file="skip")


def edited(done: WorkingFolder, tmp_path: Path, *modules: str) -> set[str]:
    """Rules that would run after modules have been edited in a checkout of its own."""
    code = copy_code(tmp_path / "edited", done.code)
    for module in modules:
        with (code / module).open("a") as stream:
            stream.write("EDITED = True\n" if module.endswith(".py") else "edited\n")
    return replace(done, code=code).plan().rules


def test_an_edited_module_runs_what_it_feeds(
    done: WorkingFolder, finished_vggish: WorkingFolder, tmp_path: Path
) -> None:
    assert edited(done, tmp_path / "1", "README.md", "envs/core.yaml") == set()
    papers = {"write_methods", "write_paper_tables"}
    after = {"collect_distances", "write_matrix", "plot_heatmap", "write_report"} | papers
    distances = edited(done, tmp_path / "2", "fad_core/metrics/builtin/fad.py")
    assert distances == {"compute_distances"} | after
    # The golden level compares distances too.
    frechet = edited(done, tmp_path / "2b", "fad_core/metrics/frechet.py")
    assert {"compute_distances", "verify_golden"} <= frechet
    assert not {"export_model", "scan_files"} & frechet
    resampling = edited(done, tmp_path / "3", "fad_core/audio/resample.py")
    assert {"verify_golden", "embed_files", "compute_statistics", "compute_distances"} <= resampling
    family = edited(
        finished_vggish.copy_to(tmp_path / "vggish"), tmp_path / "4", "fad_core/models/vggish/__init__.py"
    )
    assert {"export_model", "verify_eager", "verify_golden", "embed_files"} <= family
    assert "scan_files" not in family
    gate = edited(done, tmp_path / "5", "fad_core/verification/verify.py")
    assert {"verify_eager", "verify_golden"} <= gate and "scan_files" not in gate
    both = edited(done, tmp_path / "6", "fad_core/verification/verify.py", "fad_core/metrics/statistics.py")
    assert {"verify_golden", "compute_statistics", "compute_distances"} <= both


def test_a_verdict_of_another_kind_of_machine_is_refused_and_made_anew(fresh: WorkingFolder) -> None:
    """What the results of one machine are to another, whose files they see: the plan is none the wiser."""
    verdict = fresh.root / fresh.verdicts[0]
    mine = verdict.read_text()
    verdict.write_text(mine.replace("numpy=", "numpy=1."))
    target = "results/study/tables/distances.csv"
    run = fresh.run(target, "--show-failed-logs")
    assert run.status != 0
    assert f"{verdict.name} was made on a machine that computes differently (here numpy: 2." in run.text
    assert ", not 1.2." in run.text and "delete it and the folders" in run.text
    # A verification of another kind of machine may be allowed, and each score says so.
    study: dict[str, Any] = {"datasets": {name: {"path": f"audio/{name}"} for name in "ab"}, "batch_mb": 64}
    fresh.write_study(**study, mixed_numerics="allow")
    fresh.complete(target)
    table = (fresh.root / target).read_text()
    assert "verified on a machine that computes differently (numpy: 2." in table
    fresh.write_study(**study)
    run = fresh.run(target, "--show-failed-logs")
    assert run.status != 0 and "allow it (mixed_numerics), or delete the embeddings" in run.text
    shutil.rmtree(fresh.root / "results/study/embeddings")
    verdict.unlink()
    fresh.complete(target)
    assert verdict.read_text() == mine
