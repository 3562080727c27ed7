"""Data sets: which files belong to one, and under which names.

A data set is a folder (with all below it), a glob pattern or a list of files. Only the standard
library is used here, so that a Snakefile can list data sets without loading anything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fad_core.datasets.find import Found, find, printable
from fad_core.datasets.leftovers import set_leftovers_apart
from fad_core.datasets.policy import DEFAULTS, Leftovers
from fad_core.errors import DatasetError


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
class AudioFile:
    """One file of a data set.

    Attributes:
        name: its identity in the data set: the path relative to the data set's root, with "/"; in a
            list of files the path as given.
        path: where it lies.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Listing:
    """The files of a data set.

    Attributes:
        files: sorted by name.
        ignored: (name, reason) of what lies there too but is no part of it, sorted by name.
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
        files, ignored = find(dataset.path)
        if dataset.leftovers == "ignore" and isinstance(dataset.path, str):
            files, apart = set_leftovers_apart(files)
            ignored += apart
        return Listing(_named(files, ignored, dataset.path), tuple(sorted(ignored)))
    except (DatasetError, OSError) as error:
        raise DatasetError(f"data set {dataset.name}: {error}") from error


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _named(
    found: Sequence[Found], ignored: Sequence[tuple[str, str]], where: str | tuple[str, ...]
) -> tuple[AudioFile, ...]:
    if not found:
        place = where if isinstance(where, str) else "its list of files"
        hint = f" (ignored: {len(ignored)}, such as {ignored[0][0]}: {ignored[0][1]})" if ignored else ""
        raise DatasetError(f"no audio file in {place}{hint}")
    names: set[str] = set()
    for item in found:
        if item.name != printable(item.name):
            raise DatasetError(f"the name of {printable(item.name)} is not valid UTF-8: rename the file")
        if item.name in names:
            raise DatasetError(
                f"{item.name} is listed twice: a file needs a name of its own, such as a link to it"
            )
        names.add(item.name)
    return tuple(sorted((AudioFile(item.name, item.path) for item in found), key=lambda file: file.name))
