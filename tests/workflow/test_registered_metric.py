"""A study with a metric of another package, which asks for vectors."""

from __future__ import annotations

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
