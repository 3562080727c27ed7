"""Results that a study no longer names are moved, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from fad_study.stale_results import move_stale_results, stale_results

OLD = ("tables/old.csv", "tables/both.csv", "embeddings/old/1.parquet", "logs/embed/old/1.log")


def make(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return [str(folder / name) for name in names]


def test_what_is_no_longer_named_is_moved(tmp_path: Path) -> None:
    folder = tmp_path / "results/study"
    (shared,) = make(tmp_path / "results", "models/m.pt2")
    assert move_stale_results(folder, [*make(folder, *OLD), shared]) == 0
    now = make(folder, "tables/both.csv", "tables/new.csv")
    make(folder, "tables/own.csv")

    assert stale_results(folder, now) == ["embeddings/old/1.parquet", "tables/old.csv"]
    assert move_stale_results(folder, now) == 3

    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    moved = {f"stale/{name}" for name in OLD if name != "tables/both.csv"}
    assert left == {"outputs.txt", "tables/both.csv", "tables/new.csv", "tables/own.csv", *moved}
    assert not (folder / "embeddings").exists()
    assert Path(shared).is_file()
    assert stale_results(folder, now) == [] and move_stale_results(folder, now) == 0


def test_files_of_a_killed_run_are_known(tmp_path: Path) -> None:
    planned = [str(tmp_path / "tables/a.csv"), str(tmp_path / "tables/b.csv")]
    move_stale_results(tmp_path, planned)
    make(tmp_path, "tables/a.csv")

    assert stale_results(tmp_path, [planned[1]]) == ["tables/a.csv"]


def test_a_list_that_was_edited_leads_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "results/study"
    (other, absolute) = make(tmp_path, "results/other/a.csv", "b.csv")
    make(folder, "stale/c.csv")
    folder.joinpath("outputs.txt").write_text(f"../other/a.csv\n{absolute}\nstale/c.csv\n\n.\n")

    assert move_stale_results(folder, []) == 0
    assert Path(other).is_file() and Path(absolute).is_file()
    folder.joinpath("outputs.txt").write_bytes(b"\xff")
    assert stale_results(folder, []) == []
