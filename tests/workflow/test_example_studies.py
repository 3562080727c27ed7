"""Studies that come with the workflow at a small size: the small model, and fewer sets or clips."""

from __future__ import annotations

import pytest
from conftest import write_clip
from fad_study.config import read_yaml
from snakemake_runs import REPOSITORY, WorkingFolder

STUDIES = REPOSITORY / "workflow/studies"
DRAWS = 2


def test_sine(fresh: WorkingFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "scripts"))
    import make_sine_audio

    study = read_yaml(STUDIES / "sine.yaml")
    make_sine_audio.main(fresh.root / study["audio_root"], draws=DRAWS)
    # The sets of the other draws do not exist; the published figures name the models of the study.
    last = f"_{DRAWS - 1:02}"
    sets = {
        name: each for name, each in study.pop("datasets").items() if name[-3:] <= last or name[-3] != "_"
    }
    named = [{"id": fresh.model, "name": each.get("name", each["id"])} for each in study.pop("models")]
    study["published"]["table"] = str(REPOSITORY / study["published"]["table"])
    del study["study"]
    fresh.write_study(**study, datasets=sets, models=named, batch_mb=64)
    fresh.complete(*(f"results/study/tables/published.{suffix}" for suffix in ("csv", "md")))
    figures = (STUDIES / "published/sine.csv").read_text().splitlines()[1:]
    rows = fresh.table("published")
    given = [(row["model"], row["evaluation"], float(row["published"]), row["source"]) for row in rows]
    assert given == [
        (model, evaluation, float(value), source)
        for model, _, evaluation, _, value, source in (line.split(",") for line in figures)
    ]
    assert {(row["draws"], row["verdict"]) for row in rows} == {(str(DRAWS), "not comparable")}
    assert all(float(row["min"]) < float(row["value"]) < float(row["max"]) for row in rows)
    page = (fresh.root / "results/study/tables/published.md").read_text(encoding="utf-8")
    assert "They are not comparable." in page and "12.4375" in page and "8.594e−05" in page


def test_sample_size(fresh: WorkingFolder) -> None:
    study = read_yaml(STUDIES / "sample_size.yaml")
    folder = fresh.root / "samples"
    for seed in range(160):
        # Four windows each. The study's patterns divide the files by their first letters; the evaluated ones
        # lack the upper half of the spectrum.
        name = f"{'af'[seed % 2]}{seed // 2:02}.flac"
        write_clip(folder / name, seed, seconds=3.9, rate=(16000, 8000)[seed % 2])
    study |= {"audio_root": str(folder), "models": [{"id": fresh.model, "weights": "seeded"}], "batch_mb": 64}
    # Half of the clips.
    study["datasets"]["part"] = {"path": "f[0-3]*.flac"}
    del study["study"]
    fresh.write_study(**study)
    fresh.complete(
        "results/study/tables/distances.csv",
        "results/study/tables/extrapolation.csv",
        "results/study/figures/extrapolation.svg",
    )
    curve = [row for row in fresh.table("extrapolation") if row["evaluation"] == "evaluated"]
    sizes = sorted({int(row["n"]) for row in curve})
    assert len(sizes) >= 5 and sizes[-1] == 320
    # FAD falls with the size.
    fitted = {int(row["n"]): float(row["fitted"]) for row in curve}
    assert fitted[sizes[0]] > fitted[sizes[-1]]
    rows = {(row["evaluation"], row["metric"]): row for row in fresh.table("distances")}
    assert float(rows["evaluated", "fad-inf"]["value"]) < float(rows["evaluated", "fad"]["value"])
    for metric in ("fad", "kad"):
        widths = {
            name: float(rows[name, metric]["ci_high"]) - float(rows[name, metric]["ci_low"])
            for name in ("part", "evaluated")
        }
        assert 0 < widths["evaluated"] < widths["part"]
