"""A study of data sets with captions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from conftest import write_clip
from fad_study.archive import check_archive, write_archive
from fad_study.config import read_yaml
from snakemake_runs import WorkingFolder

TARGET = "results/study/tables/clap_score.csv"


def write_captions(path: Path, changed: str = "") -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["caption", "file"])
        writer.writerows((f"{number} dogs bark{changed}", number) for number in (2, 0, 1))


def test_files_are_compared_with_their_captions(code: Path, tmp_path: Path) -> None:
    place = WorkingFolder(tmp_path / "work", code)
    for name in "ab":
        for number in range(3):
            write_clip(place.root / f"audio/{name}/{number}.wav", number + 10 * (name == "b"))
    write_captions(place.root / "audio/captions.csv")
    datasets = {"a": {"path": "a", "captions": "captions.csv"}, "b": {"path": "b"}}
    clap = {"id": "clap", "weights": "seeded"}
    settings = {"audio_root": "audio", "models": [clap], "metrics": ["clap-score"]}
    place.write_study(datasets=datasets, **settings)
    # Apart: together they may take longer than a run is given.
    place.complete(*(f"results/verification/clap-630k-audioset{half}.golden.csv" for half in ("", "-text")))
    assert "score_captions" in place.complete(TARGET, TARGET.replace("clap_score", "file_values")).rules
    files, (row,) = place.table("file_values"), place.table("clap_score")
    assert [(each["file"], each["caption"]) for each in files] == [
        (f"{number}.wav", f"{number} dogs bark") for number in (2, 0, 1)
    ]
    assert float(row["value"]) == np.mean([float(each["value"]) for each in files])
    assert (row["dataset"], row["files"], row["ci_low"]) == ("a", "3", "")
    # Another caption: nothing is embedded again.
    write_captions(place.root / "audio/captions.csv", " loudly")
    assert place.complete(TARGET).rules == {"score_captions"}
    assert place.table("clap_score")[0]["value"] != row["value"]
    # The whole study, which compares no pairs, and what can be handed on of it.
    assert "CLAP score of a by clap-630k-audioset: " in place.complete().text
    results = place.root / "results/study"
    assert "CLAP score" in (results / "report.html").read_text(encoding="utf-8")
    table = (results / "tables/clap_score.md").read_text(encoding="utf-8")
    assert "\n| a | " in table and "CLAP score; larger is better." in table
    assert "The CLAP score [@huang2023] was" in (results / "tables/methods.md").read_text(encoding="utf-8")
    config = read_yaml(place.root / "study.yaml")
    write_archive(
        config, place.root / "results/study", place.root / "results/verification", tmp_path / "s.zip"
    )
    (tmp_path / "unpacked").mkdir()
    checked = check_archive(tmp_path / "s.zip", tmp_path / "unpacked")
    assert not checked.faults and checked.files > 10
    # A file without a caption is reported before anything runs.
    write_clip(place.root / "audio/a/3.wav", 3)
    failed = place.run("--dry-run", TARGET)
    assert failed.status == 1 and "files without a caption: 3.wav" in failed.text
