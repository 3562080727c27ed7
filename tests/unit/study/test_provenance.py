"""The line of a report that differs from run to run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from fad_study import provenance as module
from fad_study.provenance import provenance, without_provenance
from small_study import Study


def test_a_report_is_the_same_but_for_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study(tmp_path, "seeded")
    first = study.page().encode()
    monkeypatch.setattr(module, "_commit", lambda: ["by the commit <&>"])
    monkeypatch.setattr(module, "_processor", lambda: "another")
    second = study.page().encode()
    assert b"by the commit &lt;&amp;&gt;, on another" in second and first != second
    assert without_provenance(first) == without_provenance(second) != second
    assert len(second) - len(without_provenance(second)) < 300


def test_the_commit_is_that_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    assert len(provenance()) == 2
    (tmp_path / "a.txt").write_text("a")
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "A"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    _, commit, _ = provenance()
    assert re.fullmatch("by the commit [0-9a-f]{40}", commit)
    (tmp_path / "a.txt").write_text("b")
    assert provenance()[1] == f"{commit} with changes"
