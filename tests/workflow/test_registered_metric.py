"""A study with a metric of another package, which asks for vectors."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from snakemake_runs import WorkingFolder
from third_party import install_metric


def test_a_metric_of_another_package_is_computed_from_the_embeddings_that_are_there(
    done: WorkingFolder, tmp_path: Path
) -> None:
    site = install_metric(tmp_path / "site")
    done = replace(done, sites=(*done.sites, site))
    done.write_study(
        datasets={"a": {"path": "audio/a", "shards": 3}, "b": {"path": "audio/b"}},
        metrics=["fad", "mean_shift"],
    )
    target = "results/study/tables/distances.csv"
    rules = done.complete(target).rules
    assert "compute_distances" in rules and not {"embed_files", "compute_statistics"} & rules
    rows = [line.split(",") for line in (done.root / target).read_text().splitlines()[1:]]
    assert [row[6] for row in rows] == ["fad", "mean_shift"]
    assert float(rows[1][8]) > 0
    # Editing it computes it again, and nothing else is embedded.
    module = site / "theirs.py"
    module.write_text(module.read_text().replace(".max()", ".min()"))
    assert "compute_distances" in done.complete(target).rules
    again = [line.split(",") for line in (done.root / target).read_text().splitlines()[1:]]
    assert again[0] == rows[0] and float(again[1][8]) < float(rows[1][8])


def test_metrics_with_options_and_one_without_a_value(done: WorkingFolder) -> None:
    """Of few clips: a metric that has no value for a pair does not cost the others theirs."""
    metrics = [
        "fad",
        {"id": "kad", "bandwidth": "evaluation"},
        "kid",
        {"id": "precision", "nearest_k": 1},
        "fad-inf",
    ]
    done.write_study(
        datasets={"a": {"path": "audio/a", "shards": 3}, "b": {"path": "audio/b"}}, metrics=metrics
    )
    target = "results/study/tables/distances.csv"
    done.complete(target)
    with (done.root / target).open(encoding="utf-8") as stream:
        rows = {row["metric"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["fad", "kad", "kid", "precision", "fad-inf"]
    assert rows["kad"]["metric_settings"] == "bandwidth=evaluation"
    assert rows["fad-inf"]["value"] == "" and "no value: " in rows["fad-inf"]["note"]
    for name in ("fad", "kad", "kid", "precision"):
        row = rows[name]
        assert float(row["value"]) >= 0 or name != "fad"
        assert bool(row["ci_low"]) != ("no interval" in row["note"])
