"""Studies for papers, run for real: given tables correlated, and published figures beside ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from snakemake_runs import WorkingFolder

GIVEN = "workflow/studies/published"


def correlation_study(root: Path, code: Path, **keys: object) -> WorkingFolder:
    place = WorkingFolder(root, code)
    shutil.copytree(code / GIVEN, root / "given")
    tables = {"distances": "fad", "ratings": "mos", "published": "correlations"}
    named = {key: f"given/dcase2023_task7_{name}.csv" for key, name in tables.items()}
    place.write_study(models=None, correlations=named | {"resamples": 100} | keys)
    text = (root / "study.yaml").read_text().replace("models: null\n", "")
    (root / "study.yaml").write_text(text)
    return place


def test_given_tables_are_correlated_and_a_bad_row_stops_by_name(tmp_path: Path, code: Path) -> None:
    place = correlation_study(tmp_path, code)
    run = place.complete()
    assert run.rules == {
        "correlate",
        "plot_correlations",
        "write_paper_tables",
        "write_methods",
        "write_report",
    }
    rows = place.table("correlations")
    verdicts = [row["verdict"] for row in rows]
    assert (verdicts.count("agrees"), verdicts.count(""), len(rows)) == (336, 798, 1134)
    assert "336 of 336" in (tmp_path / "results/study/tables/correlations.tex").read_text()
    assert not place.plan().jobs
    ratings = tmp_path / "given/dcase2023_task7_mos.csv"
    lines = ratings.read_text().splitlines()
    ratings.write_text("\n".join([*lines[:4], *lines[5:]]) + "\n")
    failed = place.run()
    assert failed.status == 1
    assert (
        "given/dcase2023_task7_mos.csv: no row for criterion 'audio_quality', system 'TBSys24'" in failed.text
    )


def test_published_figures_stand_beside_a_studys_own(fresh: WorkingFolder) -> None:
    figures = fresh.root / "figures.csv"
    figures.write_text("model,reference,evaluation,metric,value,source\nsmall,a,draws,fad,12.5,paper\n")
    fresh.write_study(
        datasets={"a": {"path": "audio/a"}, "b_0": {"path": "audio/b"}, "b_1": {"path": "audio/b/one.flac"}},
        pairs=[["a", "b_0"]],
        repeats={"draws": ["b_0"]},
        published={"table": "figures.csv"},
    )
    fresh.complete()
    (row,) = fresh.table("published")
    assert (row["published"], row["draws"], row["verdict"]) == ("12.5", "1", "not comparable")
    assert fresh.table("repeats")[0]["mean"] == row["value"] == fresh.table("distances")[0]["value"]
    methods = (fresh.root / "results/study/tables/methods.md").read_text()
    assert "must not be reported as results" in methods
    assert "draws" in (fresh.root / "results/study/tables/distances.tex").read_text()
