"""What a study no longer names leaves its folders, once a run of the whole study begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def test_a_model_and_a_batch_that_are_gone(fresh: WorkingFolder) -> None:
    results = fresh.root / "results/study"
    two: dict[str, Any] = {
        "datasets": SETS,
        "models": [{"id": "small", "weights": "seeded", "name": name} for name in ("kept", "gone")],
    }
    one = two | {"models": two["models"][:1], "batch_mb": 64}
    fresh.write_study("another", **two)
    fresh.complete(study="another")
    fresh.write_study(**two)
    fresh.complete()
    before, other = files(results), fresh.results("another")
    (results / "tables/own.csv").write_text("mine")
    assert stale(fresh) == []

    fresh.write_study(**one)
    fresh.plan()
    fresh.complete("results/study/decisions.parquet")
    named = stale(fresh)
    assert set(named) >= {"tables/gone.fad.matrix.csv", "statistics/gone/a.parquet"}
    assert before <= files(results)
    run = fresh.complete()

    assert "the study no longer names: moved to results/study/stale" in run.text
    left = files(results)
    assert not [name for name in left if "gone" in name and not name.startswith("stale/")]
    assert {f"stale/{name}" for name in named} <= left
    assert {"tables/own.csv", "tables/kept.fad.matrix.csv", "report.html"} <= left
    assert len([name for name in left if name.startswith("embeddings/")]) == 1
    assert {name.split("/")[0] for name in left} <= {name.split("/")[0] for name in before} | {"stale"}
    assert stale(fresh) == [] and not fresh.plan().jobs
    assert fresh.results("another") == other and not fresh.plan(study="another").jobs

    fresh.write_study(**two | {"batch_mb": 64})
    fresh.complete()
    assert "tables/gone.fad.matrix.csv" in files(results)
