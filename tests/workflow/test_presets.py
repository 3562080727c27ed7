"""A preset runs as it is written, but for its networks, which are small ones with the same outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import write_clip
from fad_study.config import read_yaml
from snakemake_runs import WorkingFolder

from fad_core.cli import main
from fad_core.models import get_model

FILES = [f"{number:02}.wav" for number in range(12)]


def preset(name: str, folder: Path) -> dict[str, object]:
    """Return the configuration of a preset, whose networks are those of the tests."""
    found = CliRunner().invoke(main, ["study", "new", str(folder / name), "--like", name, "-q"])
    assert found.exit_code == 0, found.output
    config = read_yaml(folder / f"{name}.yaml")
    config["weights"] = "seeded"
    # A model of captions is in test_captioned.
    config["models"] = [entry for entry in config["models"] if entry["metrics"] != ["clap-score"]]
    for entry in config["datasets"].values():
        entry.pop("captions", None)
    for entry in config["models"]:
        entry["name"] = entry["id"]
        entry["id"] = "small-classes" if "logits" in get_model(entry["id"]).outputs else "small"
        entry.pop("crop", None)
    return config


@pytest.mark.parametrize("name", ["mmaudio", "dcase2023"])  # the others have the same steps as the first
def test_a_preset_runs(name: str, fresh: WorkingFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fresh.root)
    config = preset(name, Path())
    for place, entry in enumerate(config["datasets"].values()):
        for number, file in enumerate(FILES):
            write_clip(fresh.root / entry["path"] / file, seed=number + 100 * place, seconds=1.0)
    fresh.write_study(**{key: value for key, value in config.items() if key != "study"}, batch_mb=64)
    fresh.complete()
    rows = fresh.table("distances")
    metrics = {
        (entry["name"], metric if isinstance(metric, str) else metric["id"])
        for entry in config["models"]
        for metric in entry["metrics"]
    }
    assert {(row["model"], row["metric"]) for row in rows} == metrics
    assert all(float(row["value"]) >= 0 for row in rows)
    if name == "mmaudio":
        values = fresh.table("file_values")
        assert {row["metric"] for row in values} == {"kl", "is"}
        assert {row["file"] for row in values} == set(FILES)
        table = (fresh.root / "results/study/tables/distances.md").read_text(encoding="utf-8")
        assert "| pann-16k, FAD | pann-16k, KL | pann-16k, IS | passt-10s, FAD | passt-10s, KL |" in table
    else:
        assert {row["category"] for row in fresh.table("categories")} >= {"DogBark", "mean"}
