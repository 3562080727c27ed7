"""The study of real recordings, where they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from snakemake_runs import WorkingFolder

SAMPLES = Path("/usr/share/sonic-pi/samples")


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"no recordings in {SAMPLES}: apt-get install sonic-pi-samples brings them"
)
def test_every_recording_is_scored_and_the_short_ones_are_said_to_be_padded(fresh: WorkingFolder) -> None:
    studies = fresh.code / "workflow/studies"
    study = yaml.safe_load((studies / "real_recordings.yaml").read_text())
    # The one model that is exported and verified already.
    study["models"] = [{"id": fresh.model, "weights": "seeded"}]
    (fresh.root / "real.yaml").write_text(yaml.safe_dump(study, sort_keys=False))

    fresh.complete(
        "results/real_recordings/tables/distances.csv",
        "results/real_recordings/tables/files.csv",
        study="real",
    )

    files = fresh.table("files", study="real_recordings")
    prefixes = ("drum_", "bd_", "loop_", "ambi_", "bass_", "elec_", "guit_", "tabla_", "perc_")
    installed = {path.name for path in SAMPLES.glob("*.flac") if path.name.startswith(prefixes)}
    assert {row["file"] for row in files} == installed
    assert {row["status"] for row in files} == {"used", "padded"}
    assert {row["channels"] for row in files} == {"1", "2"}
    # Shorter than one window is padded, and nothing else is.
    assert all((float(row["seconds"]) < 0.975) == (row["status"] == "padded") for row in files)
    distances = fresh.table("distances", study="real_recordings")
    sets = len(fresh.table("datasets", study="real_recordings"))
    assert sets >= 6
    assert len(distances) == sets * (sets - 1) / 2
    assert sum(int(row["padded"]) for row in distances) == (sets - 1) * sum(
        row["status"] == "padded" for row in files
    )
