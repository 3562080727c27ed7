"""What a study no longer names leaves its folders, once a run of the whole study begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from snakemake_runs import WorkingFolder, environment

SETS = {name: {"path": f"audio/{name}"} for name in "ab"}


def stale(place: WorkingFolder) -> list[str]:
    """The files that `fad study status` calls stale."""
    command = [sys.executable, "-c", "from fad_core.cli import main; main()", "study", "status", "study.yaml"]
    done = subprocess.run(
        [*command, "--snakefile", str(place.code / "Snakefile"), "--json"],
        cwd=place.root,
        env=environment(place.code, place.code / "workflow", *place.sites),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["stale"])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_model_and_batches_that_are_gone(done: WorkingFolder) -> None:
    results = done.root / "results/study"
    before = files(results)
    (results / "tables/own.csv").write_text("mine")
    assert stale(done) == []

    models = [{"id": "small", "weights": "seeded", "name": "renamed"}]
    done.write_study(datasets=SETS, models=models, batch_mb=64)
    named = stale(done)
    assert set(named) >= {"tables/small.fad.matrix.csv", "statistics/small/a.parquet"}
    done.complete("results/study/decisions.parquet")
    assert before <= files(results), "a run of a part knows nothing of the rest"
    run = done.complete()

    assert "files of results that the study no longer names: moved to results/study/stale" in run.text
    left = files(results)
    assert {f"stale/{name}" for name in named} | {"tables/own.csv", "tables/renamed.fad.matrix.csv"} <= left
    assert not [name for name in left if "small" in Path(name).parts and not name.startswith("stale/")]
    assert len([name for name in left if name.startswith(("embeddings/", "manifests/"))]) == 3
    assert {name.split("/")[0] for name in left} == {name.split("/")[0] for name in before} | {"stale"}
    assert stale(done) == [] and not done.plan().jobs
