"""Compiled functions are saved for the next process, and compiled anew when what they call has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OUTER = """
from inner import inner
from fad_core.util.jit import compiled

@compiled
def outer(x):
    return inner(x) + 1
"""
INNER = """
from fad_core.util.jit import compiled

@compiled
def inner(x):
    return {factor} * x
"""
RUN = "from outer import outer; print(outer(10), sum(outer.stats.cache_hits.values()))"


def test_an_edit_in_another_file_of_the_folder_is_noticed(tmp_path: Path):
    def run() -> str:
        path = os.pathsep.join([str(tmp_path), *sys.path])
        ran = subprocess.run(
            [sys.executable, "-c", RUN],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.strip()

    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(factor=2))
    assert run() == "21 0"
    assert run() == "21 1"
    (tmp_path / "inner.py").write_text(INNER.format(factor=3))
    assert run() == "31 0"
