"""Locks of a dead run go; those of a living one, and of another machine, stay."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from fad_study.stale_locks import clear_stale_locks


def lock(folder: Path) -> Path:
    path = folder / "locks/0.output.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("results/x")
    return path


def test_the_locks_of_a_dead_run_go(tmp_path: Path) -> None:
    clear_stale_locks(tmp_path).close()  # a run, which locks and is killed
    path = lock(tmp_path)
    clear_stale_locks(tmp_path).close()
    assert not path.exists()


def test_the_locks_of_a_living_run_stay(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fad_study.stale_locks import clear_stale_locks; "
        "held = clear_stale_locks(Path(sys.argv[1])); print('runs', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"runs\n"
        path = lock(tmp_path)
        ours = clear_stale_locks(tmp_path)
        assert path.exists()
        other.kill()
    # Ours may be a run that uses the folder beside the other one.
    third = clear_stale_locks(tmp_path)
    assert path.exists()
    ours.close()
    third.close()
    clear_stale_locks(tmp_path).close()
    assert not path.exists()


def test_locks_of_unknown_origin_stay(tmp_path: Path) -> None:
    path = lock(tmp_path)
    clear_stale_locks(tmp_path).close()
    clear_stale_locks(tmp_path).close()
    assert path.exists()
    (tmp_path / "running").write_text(f"not {platform.node()}")
    clear_stale_locks(tmp_path).close()
    assert path.exists()
