from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fad_study.report.terminal import results_text
from small_study import NOTE, Study


def lines_of(study: Study, width: int) -> Sequence[str]:
    study.write()
    return results_text(study.root, width).splitlines()


def test_the_terminal_shows_a_matrix_counts_and_last_the_report(tmp_path: Path) -> None:
    lines = lines_of(Study(tmp_path, "seeded"), 120)
    assert (
        lines[0] == "Fréchet Audio Distance: vggish, seeded weights — not a published model, sha256 5eed0000…"
    )
    assert ["a", "0", "12.44", "4.768"] in [line.split() for line in lines]
    assert f"a → b: {NOTE}." in lines
    assert any(re.fullmatch(r"a +4 +2 +1 +2 +60 +1 min 15 s", line) for line in lines)
    assert lines[-1] == f"Report: {tmp_path / 'report.html'}"
    assert not any("\x1b" in line for line in lines)


def test_chosen_pairs_and_narrow_terminals_get_a_list_with_footnotes(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.distances.pop()
    for lines in (lines_of(study, 120), lines_of(Study(tmp_path), 20)):
        listed = [line.split() for line in lines]
        assert ["a", "b", "12.4375", "600", ":", "60", "12", "2", "1", "[1]"] in listed
        assert f"[1] {NOTE}." in lines


def test_long_names_are_replaced_by_numbers_above_the_columns(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.sets = [f"{name}{name * 30}" for name in "abc"]
    for row in study.distances:
        row |= {side: row[side] * 31 for side in ("reference", "evaluation")}
    lines = lines_of(study, 100)
    assert any(line.split() == ["reference", "↓", "evaluation", "→", "1", "2", "3"] for line in lines)
    assert any(line.split() == ["2", "b" * 31, "12.44", "0", "0.01235"] for line in lines)


def test_intervals_are_listed(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.distances[0] |= {"ci_low": 11.5, "ci_high": 13.25}
    assert ["a", "b", "12.4375", "11.5000", "13.2500"] in [line.split()[:5] for line in lines_of(study, 20)]
