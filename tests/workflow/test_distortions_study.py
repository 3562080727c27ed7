"""The study of distortions at a small size: the small model, and the sets that its script makes."""

from __future__ import annotations

import pytest
from fad_study.config import read_yaml
from snakemake_runs import REPOSITORY, WorkingFolder


def test_distortions(fresh: WorkingFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "scripts"))
    monkeypatch.chdir(fresh.root)
    import make_distortions

    make_distortions.main(families=("white noise", "low-pass", "faster, pitch kept"), levels=3, clips=12)
    given = read_yaml(fresh.root / "audio/distortions/distortions.yaml")
    keys = {key: value for key, value in given.items() if key not in ("study", "models")}
    fresh.write_study(**keys, batch_mb=64)
    fresh.complete()
    rows = fresh.table("fad.monotonicity")
    assert [(row["series"], row["levels"]) for row in rows] == [
        (series, "3") for series in ("white noise", "low-pass", "faster, pitch kept")
    ]
    assert float(rows[0]["spearman"]) == pytest.approx(1)
    page = (fresh.root / "results/study/report.html").read_text(encoding="utf-8")
    assert "Does the distance grow with the level?" in page
