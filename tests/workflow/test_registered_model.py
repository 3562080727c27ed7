"""A study with a model of another package."""

from __future__ import annotations

from pathlib import Path

from conftest import write_clip
from snakemake_runs import WorkingFolder
from third_party import install_models

from fad_core.verification.verdicts import NOT_COMPARED


def test_a_model_of_another_package_is_exported_verified_and_compared(code: Path, tmp_path: Path) -> None:
    site = install_models(tmp_path / "site")
    place = WorkingFolder(tmp_path / "work", code, (site,))
    for seed, name in enumerate("ab"):
        write_clip(place.root / f"audio/{name}/clip.wav", seed)
    place.write_study(
        datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}},
        models=[{"id": "outside", "weights": "seeded"}],
        metrics=["fad"],
    )
    run = place.complete()
    assert {"export_model", "verify_eager", "embed_files"} <= run.rules
    # It has no golden embeddings: the results say that this level was not run.
    assert "verify_golden" not in run.rules
    (row,) = place.table("distances")
    assert row["model"] == "outside" and float(row["value"]) > 0
    assert NOT_COMPARED in row["note"]
    assert NOT_COMPARED in (place.root / "results/study/report.html").read_text()
    assert not place.plan().rules
    # Live verification has no adapter of its original; it is not said to have passed.
    assert "run_original" not in place.plan("verify_reference").rules
    network = site / "my_models/network.py"
    network.write_text(network.read_text().replace("torch.relu(self.hidden", "torch.tanh(self.hidden"))
    assert {"export_model", "verify_eager", "embed_files"} <= place.plan().rules
