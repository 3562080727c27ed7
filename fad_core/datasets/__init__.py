"""Find the files of data sets, and name them.

A data set is a folder (with all below it), a glob pattern or a list of files. Standard library only, so that
a Snakefile can list data sets without loading anything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fad_core.datasets.find import AudioFile, Ignored, find, printable
from fad_core.datasets.policy import DEFAULTS, Leftovers
from fad_core.errors import DatasetError

__all__ = ["AudioFile", "Dataset", "Listing", "file_sha256", "list_files"]


@dataclass(frozen=True)
class Dataset:
    """A data set as the configuration names it.

    Attributes:
        name: its name in the study.
        path: a folder, a glob pattern, or a tuple of files.
        leftovers: what becomes of files that another tool has written there (`fad_core.datasets.leftovers`).
    """

    name: str
    path: str | tuple[str, ...]
    leftovers: Leftovers = DEFAULTS.leftovers


@dataclass(frozen=True)
class Listing:
    """The files of a data set.

    Attributes:
        files: sorted by name.
        ignored: (name, reason) of other files and folders in its place, sorted by name.
    """

    files: tuple[AudioFile, ...]
    ignored: tuple[tuple[str, str], ...]


def list_files(dataset: Dataset) -> Listing:
    """Find the files of a data set, whatever the order in which the file system gives them.

    * A folder: every file below it with an audio file's suffix, in upper or lower case. Links are
      followed. Hidden files and folders, other suffixes, and what other tools have left there, are listed as
      ignored.
    * A pattern with `*`, `?` or `[…]`, where `**` stands for any number of folders: every file that
      matches, of whatever suffix. A path that exists is never taken as a pattern.
    * A list: the files as they stand; each of them must exist.

    Args:
        dataset: `~` in its paths is the home folder.

    Returns:
        The files, of which there is at least one, and what was ignored.

    Raises:
        DatasetError: the path does not exist, a folder cannot be read, no file is found, or a list names one
            twice.
    """
    try:
        files, ignored = find(dataset.path, leftovers=dataset.leftovers == "use")
        return Listing(_checked(files, ignored, dataset.path), tuple(sorted(ignored)))
    except (DatasetError, OSError) as error:
        raise DatasetError(f"data set {dataset.name}: {error}") from error


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checked(
    files: Sequence[AudioFile], ignored: Ignored, where: str | tuple[str, ...]
) -> tuple[AudioFile, ...]:
    """Return the files sorted by name; there must be at least one, with different names in UTF-8."""
    if not files:
        place = where if isinstance(where, str) else "its list of files"
        hint = f" (ignored: {len(ignored)}, such as {ignored[0][0]}: {ignored[0][1]})" if ignored else ""
        raise DatasetError(f"no audio file in {place}{hint}")
    names: set[str] = set()
    for name in (file.name for file in files):
        if name != printable(name):
            raise DatasetError(f"the name of {printable(name)} is not valid UTF-8: rename the file")
        if name in names:
            raise DatasetError(
                f"{name} is listed twice: to use a file twice, give it a second name, such as a link to it"
            )
        names.add(name)
    return tuple(sorted(files, key=lambda file: file.name))
