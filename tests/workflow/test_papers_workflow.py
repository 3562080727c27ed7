"""Studies for papers, run for real: given tables correlated, and published figures beside ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from conftest import write_clip
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
    assert (verdicts.count("agrees"), verdicts.count(""), len(rows)) == (370, 890, 1260)
    assert "370 of 370" in (tmp_path / "results/study/tables/correlations.tex").read_text()
    assert not place.plan().jobs
    ratings = tmp_path / "given/dcase2023_task7_mos.csv"
    lines = ratings.read_text().splitlines()
    ratings.write_text("\n".join([*lines[:4], *lines[5:]]) + "\n")
    failed = place.run()
    assert failed.status == 1
    assert (
        "given/dcase2023_task7_mos.csv: no row for criterion 'audio_quality', system 'TBSys24'" in failed.text
    )


def test_systems_by_category_with_ratings_and_published_figures(fresh: WorkingFolder) -> None:
    systems, categories = ("real", "one", "two", "three"), ("dog", "rain")
    places = [(system, category) for system in systems for category in categories]
    for seed, (system, category) in enumerate(places):
        for number in range(2):
            write_clip(fresh.root / f"audio/{system}/{category}/{number}.wav", 10 * seed + number)
    ratings = [
        f"quality,{system},{category},{len(system) + len(category)}" for system, category in places[2:]
    ]
    (fresh.root / "mos.csv").write_text("\n".join(["criterion,system,category,mos", *ratings]) + "\n")
    figures = fresh.root / "figures.csv"
    figures.write_text(
        "model,reference,evaluation,metric,value,source\nsmall,real_dog,draws,fad,12.5,paper\n"
    )
    fresh.write_study(
        datasets={
            f"{system}_{category}": {
                "path": f"audio/{system}/{category}",
                "system": system,
                "category": category,
            }
            for system, category in places
        },
        reference="real",
        correlations={"ratings": "mos.csv", "resamples": 100},
        repeats={"draws": ["one_dog"]},
        published={"table": "figures.csv"},
        batch_mb=64,
    )
    fresh.complete()
    distances = {row["evaluation"]: row for row in fresh.table("distances")}
    assert {name: row["reference"] for name, row in distances.items()} == {
        f"{system}_{category}": f"real_{category}" for system, category in places[2:]
    }
    rows = fresh.table("categories")
    means = {row["system"]: float(row["value"]) for row in rows if row["category"] == "mean"}
    assert len(rows) == 9 and list(means) == sorted(means, key=lambda name: means[name])
    for system, mean in means.items():
        values = [float(distances[f"{system}_{category}"]["value"]) for category in categories]
        assert mean == sum(values) / 2
    assert len(fresh.table("correlations")) == (3 + len(categories)) * 3
    assert "| three |" in (fresh.root / "results/study/tables/categories.md").read_text()
    assert 'id="categories"' in (fresh.root / "results/study/report.html").read_text(encoding="utf-8")
    (row,) = fresh.table("published")
    assert (row["published"], row["draws"], row["verdict"]) == ("12.5", "1", "not comparable")
    assert fresh.table("repeats")[0]["mean"] == row["value"] == distances["one_dog"]["value"]
    methods = (fresh.root / "results/study/tables/methods.md").read_text()
    assert "must not be reported as results" in methods
    assert "draws" in (fresh.root / "results/study/tables/distances.tex").read_text()
