"""A study with a metric of another package, which asks for vectors."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from conftest import write_clip
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
    """Of few clips: a metric that has no value for a pair does not cost the others theirs.

    The systems, which have the same clips, are ranked, and their files scored.
    """
    metrics = [
        "fad",
        {"id": "kad", "bandwidth": "evaluation"},
        "kid",
        {"id": "precision", "nearest_k": 1},
        "fad-inf",
    ]
    done.write_study(
        datasets={
            "a": {"path": "audio/a", "shards": 3},
            "b": {"path": "audio/b"},
            "c": {"path": "audio/b", "label": "copies"},
        },
        metrics=metrics,
        reference="a",
        per_file=["nearest", "fad"],
    )
    rules = done.complete("results/study/report.html").rules
    assert {"rank_systems", "plot_ranking", "plot_extrapolation", "plot_per_file", "score_files"} <= rules
    tables = {}
    for name in ("distances", "ranking", "differences", "agreement", "per_file"):
        with (done.root / f"results/study/tables/{name}.csv").open(encoding="utf-8") as stream:
            tables[name] = list(csv.DictReader(stream))
    ranks = [(row["evaluation"], row["rank"]) for row in tables["ranking"] if row["metric"] == "fad"]
    assert ranks == [("b", "1"), ("c", "1")]
    assert {row["metric"] for row in tables["differences"]} == {"fad", "kad", "kid"}
    assert {row["difference"] for row in tables["differences"]} <= {"0.0", ""}
    assert {(row["systems"], row["spearman"]) for row in tables["agreement"]} == {("2", "")}
    scored = [(row["evaluation"], row["nearest"]) for row in tables["per_file"]]
    assert sorted({name for name, _ in scored}) == ["b", "c"] and {
        row["kad"] for row in tables["per_file"]
    } == {""}
    of_b = [float(distance) for name, distance in scored if name == "b"]
    assert of_b == sorted(of_b, reverse=True)
    page = (done.root / "results/study/report.html").read_text(encoding="utf-8")
    assert 'id="ranking"' in page and 'id="ends"' in page and "copies" in page
    assert page.count("data:audio/flac;base64,") == 1, "of two sets; the other file is too large"
    drawn = (done.root / "results/study/figures/small.map.svg").read_text(encoding="utf-8")
    assert "<title>copies: " in drawn
    figures = done.root / "results/study/figures"
    names = {path.stem for path in figures.glob("*.svg")}
    assert {"nearest.per_file", "fad.per_file", "fad.ranking", "extrapolation", "small.map"} <= names
    assert names == {path.stem for path in figures.glob("*.png")}, "each figure is there in both forms"
    assert "<h3>All files</h3>" in page and 'aria-label="nearest of the files of each set"' in page

    rows = {row["metric"]: row for row in tables["distances"]}
    assert list(rows) == ["fad", "kad", "kid", "precision", "fad-inf"]
    assert rows["kad"]["metric_settings"] == "bandwidth=evaluation"
    assert rows["fad-inf"]["value"] == "" and "no value: " in rows["fad-inf"]["note"]
    for name in ("fad", "kad", "kid", "precision"):
        row = rows[name]
        assert float(row["value"]) >= 0 or name != "fad"
        assert bool(row["ci_low"]) != ("no interval" in row["note"])


def test_near_copies_are_listed_noted_and_played(done: WorkingFolder) -> None:
    """A copied file, one with noise, and one that begins later; others are unrelated."""
    names = sorted(path.name for path in (done.root / "audio/a").iterdir())
    random = np.random.default_rng(0)
    for place, name in enumerate(names[:3]):
        sound, rate = soundfile.read(done.root / "audio/a" / name)
        changed = [sound, sound + random.normal(0, 1e-3, len(sound)), sound[rate // 10 :]][place]
        (done.root / "audio/copied").mkdir(exist_ok=True)
        soundfile.write(done.root / f"audio/copied/{'abc'[place]}.wav", changed, rate)
        write_clip(done.root / f"audio/others/{place}.wav", 100 + place)
    done.write_study(
        datasets={
            "a": {"path": "audio/a", "shards": 3},
            "copied": {"path": "audio/copied", "label": "made"},
            "others": {"path": "audio/others"},
        },
        reference="a",
        near_copies=True,
    )
    rules = done.complete().rules
    assert "score_files" not in rules
    rows = done.table("near_copies")
    assert {row["model"] for row in rows} == {"small"}
    assert [(row["file"], row["reference_file"]) for row in rows if row["evaluation"] == "copied"] == [
        (file, names["abc".index(file[0])]) for file in ("a.wav", "b.wav", "c.wav")
    ]
    assert rows[0]["distance"] == "0.0" and all(
        float(row["distance"]) < float(row["threshold"]) <= float(row["median"]) for row in rows
    )
    notes = {row["evaluation"]: row["note"] for row in done.table("distances")}
    assert "3 files are nearer to a reference file than reference files are to each other" in notes["copied"]
    page = (done.root / "results/study/report.html").read_text(encoding="utf-8")
    section = page.partition('<section id="copies">')[2].partition("</section>")[0]
    assert "made" in section and section.count("data:audio/wav;base64,") >= 5
    assert "3 files are nearer" in page

    # Without it, neither the table nor the remark is left.
    done.write_study(
        datasets={"a": {"path": "audio/a", "shards": 3}, "copied": {"path": "audio/copied"}},
        metrics=["fad", "kad"],
        reference="a",
    )
    done.complete()
    assert not (done.root / "results/study/tables/near_copies.csv").exists()
    assert "nearer" not in (done.root / "results/study/tables/distances.csv").read_text(encoding="utf-8")
