"""Progress goes to stderr: a bar on a terminal, lines in a log, nothing if it is to be quiet."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios

import pytest

from fad_core.util import progress
from fad_core.util.progress import progress_bar

SCRIPT = """
import sys
from fad_core.util.progress import progress_bar
with progress_bar("embed", total=3, quiet="quiet" in sys.argv) as done:
    for _ in range(3):
        done(1)
"""


def test_a_log_has_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress_bar("embed", total=100) as done:
        for _ in range(25):
            now[0] += 1.0
            done(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "embed: 20 of 100 files, 2.0 per second",
        "embed: 40 of 100 files, 2.0 per second",
    ]


def test_a_total_that_is_not_known_is_left_out(capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    with progress_bar("scan") as done:
        done(1)
    assert capsys.readouterr().err.startswith("scan: 1 files, ")


def test_quick_work_and_quiet_work_say_nothing(capsys: pytest.CaptureFixture[str]):
    for quiet in (False, True):
        with progress_bar("embed", total=3, quiet=quiet) as done:
            done(3)
    assert capsys.readouterr() == ("", "")


def on_a_terminal(*arguments: str) -> str:
    """What a user sees who starts the script."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (25, 80))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 4096):
            seen += block
    except OSError:
        pass  # how Linux says that the terminal was closed
    finally:
        os.close(ours)
    assert process.wait() == 0
    return seen.decode()


def test_a_terminal_has_a_bar_that_goes_away():
    seen = on_a_terminal()
    assert "embed:" in seen
    assert "0/3 [" in seen
    assert seen.rstrip("\r").rsplit("\r", 1)[-1].strip() == ""
    assert on_a_terminal("quiet") == ""
