"""A target is whole or as it was, and nothing else is left behind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fad_core.errors import FadError, OutputError
from fad_core.util.atomic import atomic_path, require_writable, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 1000 bytes; the system says so as it says of a full disk.

    Only around what is tested: the file that the test run's own output goes to may be longer.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_target_appears_when_the_block_ends(tmp_path: Path):
    target = tmp_path / "new" / "folders" / "out.bin"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".bin", "libraries choose the format by the suffix"
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names(target.parent) == ["out.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file(tmp_path: Path, error: type[BaseException]):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(error), atomic_path(target) as temporary:
        temporary.write_text("half of the new")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["out.txt"]


def test_a_killed_process_leaves_the_old_file(tmp_path: Path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    script = (
        "import os, signal; from fad_core.util.atomic import atomic_path\n"
        f"with atomic_path({str(target)!r}) as path:\n"
        "    path.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    # What it left cannot be taken for an output, and is no obstacle for the next try.
    assert all(name.startswith(".") for name in names(tmp_path) if name != "out.txt")
    write_text(target, "new")
    assert target.read_text() == "new"


def test_the_mode_is_what_the_umask_leaves(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "out.txt", "x")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o640


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path):
    write_text(str(tmp_path / "Fréchet.txt"), "é\r\nß\n")
    assert (tmp_path / "Fréchet.txt").read_bytes() == b"\xc3\xa9\r\n\xc3\x9f\n"


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path):
    target = tmp_path / "out.txt"
    with pytest.raises(OutputError, match=r"cannot write .*out\.txt: File too large"), full_disk():
        write_text(target, "x" * 2000)
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for target in ("file/out.txt", "folder", "n" * 300):
        with pytest.raises(FadError, match=f"cannot write .*{target}: [A-Z]"):
            write_text(tmp_path / target, "x")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write_text(tmp_path / "locked" / "out.txt", "x")


def test_what_fails_in_the_block_for_another_reason_is_left_as_it_is(tmp_path: Path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "out.txt"):
        (tmp_path / "missing").read_text()
    assert names(tmp_path) == []


def test_the_error_is_the_systems_too():
    error = OutputError(Path("x"), "No space left on device")
    assert isinstance(error, OSError)
    assert error.strerror == os.strerror(errno.ENOSPC)
    assert str(error) == "cannot write x: No space left on device"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_writable(tmp_path / "results" / "deep")
    assert not list(tmp_path.iterdir()), "a look makes nothing"

    def refuse(dir: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"cannot write .*results: Read-only file system"):
        require_writable(tmp_path / "results")
