"""Recordings in a report: which are played, that they are those that were scored, and their size."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from fad_study.report.players import Players, add_players, near_copies_played


def rows(folder: Path, count: int, size: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write files and return their rows of PER_FILE and FILES tables, by two models that agree."""
    folder.mkdir()
    for k in range(count):
        (folder / f"{k}.wav").write_bytes(bytes([k]) * size)
    scored = [
        {"model": model, "reference": "real", "evaluation": "made", "file": f"{k}.wav", "nearest": -k}
        for model in ("vggish", "clap")
        for k in range(count)
    ]
    files = [
        {"dataset": "made", "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in folder.iterdir()
    ]
    return scored, files


def test_the_ends_of_each_order_are_listed_and_a_recording_stands_in_the_page_once(tmp_path: Path) -> None:
    scored, files = rows(tmp_path / "made", 24, 30)
    shown = add_players(scored, Players(files, {"made": str(tmp_path / "made")}, 1))
    outermost = [*range(10), *range(23, 13, -1)]
    assert [row["file"] for row in shown[:20]] == [f"{number}.wav" for number in outermost]
    assert [row["end"] for row in shown[:20]] == ["farthest"] * 10 + ["nearest"] * 10
    assert all(row["uri"].startswith("data:audio/wav;base64,") for row in shown[:20])
    assert not any(row["uri"] for row in shown[20:]) and all(row["sound"] for row in shown[20:])
    three = add_players(scored[:3], Players(files, {}, 1))
    assert [(row["file"], row["end"], row["uri"]) for row in three] == [
        ("0.wav", "farthest", ""),
        ("1.wav", "farthest", ""),
        ("2.wav", "nearest", ""),
    ]


def test_recordings_are_bounded_and_the_outermost_ones_come_first(tmp_path: Path) -> None:
    scored, files = rows(tmp_path / "made", 12, 30_000)
    place = {"made": [str(path) for path in sorted((tmp_path / "made").iterdir())]}
    for row in (*scored, *files):
        row["file"] = str(tmp_path / "made" / row["file"])
    shown = add_players(scored, Players(files, place, 0.1))
    played = [Path(row["file"]).name for row in shown if row["uri"]]
    assert played == ["0.wav", "11.wav"]
    assert sum(len(row["uri"]) for row in shown) <= 100_000
    assert not any(row["sound"] for row in add_players(scored, Players(files, place, 0)))


def test_files_that_are_gone_changed_or_unplayable_have_no_player(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    scored, files = rows(folder, 3, 30)
    (folder / "0.wav").write_bytes(b"another")
    (folder / "1.wav").unlink()
    (folder / "2.wav").rename(folder / "2.aiff")
    for row in (*scored, *files):
        row["file"] = row["file"].replace("2.wav", "2.aiff")
    for place in ({"made": str(folder)}, {"made": str(tmp_path / "none")}):
        assert not any(row["sound"] for row in add_players(scored, Players(files, place, 1)))


def test_both_files_of_a_near_copy_are_played_before_the_ends(tmp_path: Path) -> None:
    scored, files = rows(tmp_path / "made", 3, 30)
    (tmp_path / "real").mkdir()
    (tmp_path / "real/one.wav").write_bytes(b"one")
    files.append({"dataset": "real", "file": "one.wav", "sha256": hashlib.sha256(b"one").hexdigest()})
    places = {name: str(tmp_path / name) for name in ("made", "real")}
    copies = [
        {"reference": "real", "evaluation": "made", "file": f"{k}.wav", "reference_file": "one.wav"}
        for k in range(2)
    ]
    players = Players(files, places, 1)
    first, second = near_copies_played(copies, players)
    assert all(first[f"{each}_player"]["uri"].startswith("data:") for each in ("file", "original"))
    assert second["original_player"] == {"sound": first["original_player"]["sound"], "uri": ""}
    assert second["file_player"]["uri"]
    shown = add_players(scored[:3], players)
    assert [bool(row["uri"]) for row in shown] == [False, False, True] and all(row["sound"] for row in shown)
    # The original no longer fits.
    (small,) = near_copies_played(copies[:1], Players(files, places, 70e-6))
    assert small["file_player"]["uri"] and not small["original_player"]["sound"]
