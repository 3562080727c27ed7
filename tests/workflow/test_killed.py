"""A run that is killed outright is taken up by the same command, and ends in the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from snakemake_runs import WorkingFolder

TABLE = "results/study/tables/distances.csv"


def started(place: WorkingFolder, rule: str) -> bool:
    """Whether a job of a rule is running or has run: its log is there."""
    return any((place.root / "results/study/logs" / rule).rglob("*.log"))


def test_killed_while_it_exports(tmp_path: Path, verified: WorkingFolder) -> None:
    place = replace(verified, root=tmp_path)
    (tmp_path / "audio").symlink_to(verified.root / "audio")
    (tmp_path / "study.yaml").write_bytes((verified.root / "study.yaml").read_bytes())
    exported = verified.exported
    place.kill_when(lambda: started(place, "export_model"), exported)
    assert not (tmp_path / exported).exists()
    place.complete(exported)
    assert (tmp_path / exported).read_bytes() == (verified.root / exported).read_bytes()


def test_killed_again_and_again(fresh: WorkingFolder, finished: WorkingFolder) -> None:
    def embedding_beside_another_run() -> bool:
        if not started(fresh, "embed_files"):
            return False
        # The locks of a living run are no stale ones; nor is a file that it writes just then.
        other = fresh.run(TABLE)
        assert other.status != 0
        assert "cannot be locked" in other.text or "IncompleteFilesException" in other.text
        return True

    fresh.kill_when(lambda: started(fresh, "scan_files"))
    assert any((fresh.root / ".snakemake/locks").iterdir())
    fresh.kill_when(embedding_beside_another_run)
    fresh.kill_when(lambda: started(fresh, "compute_statistics"))
    fresh.complete()
    assert fresh.results() == finished.results()
    assert "Nothing to be done" in fresh.complete().text
