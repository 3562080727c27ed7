"""Data sets: which files belong to one, under which names, in which shard.

A data set is a folder (with all below it), a glob pattern or a list of files. Only the standard
library is used here, so that a Snakefile can list data sets without loading anything else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fad_core.errors import ConfigError, DatasetError
from fad_core.find import Found, find, printable

if TYPE_CHECKING:
    from fad_core.scan import FileRecord


@dataclass(frozen=True)
class Dataset:
    """A data set as the configuration names it.

    Attributes:
        name: its name in the study.
        path: a folder, a glob pattern, or a tuple of files.
        shards: in how many parts it is embedded.
    """

    name: str
    path: str | tuple[str, ...]
    shards: int = 1

    def __post_init__(self) -> None:
        if self.shards < 1:
            raise ConfigError(f"data set {self.name}: shards must be at least 1, not {self.shards}")


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
      followed. Hidden files and folders, and other suffixes, are listed as ignored.
    * A pattern with `*`, `?` or `[…]`, where `**` stands for any number of folders: every file that
      matches, of whatever suffix. A path that exists is never taken as a pattern.
    * A list: the files as they stand; each of them must exist.

    Args:
        dataset: `~` in its paths is the home folder.

    Returns:
        The files, of which there is at least one, and what was ignored.

    Raises:
        DatasetError: the path does not exist, a folder cannot be read, no file is found, or the same
            file is there twice.
    """
    try:
        files, ignored = find(dataset.path)
        return Listing(_named(files, ignored, dataset.path), tuple(sorted(ignored)))
    except (DatasetError, OSError) as error:
        raise DatasetError(f"data set {dataset.name}: {error}") from error


def shard_of(name: str, shards: int) -> int:
    """The shard (0 … shards-1) of a file: its name alone decides, so that other files do not move it."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest, "big") % shards


def shard_files(listing: Listing, shards: int, shard: int) -> tuple[AudioFile, ...]:
    """The files of one shard, sorted by name; there may be none."""
    return tuple(file for file in listing.files if shard_of(file.name, shards) == shard)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_token(files: Iterable[AudioFile], seen: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """A digest of files' names and contents that tells whether they must be scanned anew.

    Cheap: a file is read only if its time has changed and its size has not. If the content is still
    the recorded one (the file was touched, or copied anew), the digest stays what it was.

    Args:
        files: of one shard.
        seen: what `seen_record` gave for them at the last scan.

    Returns:
        64 hex digits.
    """
    seen = seen or {}
    tokens = [(file.name, _token(file.path, seen.get(file.name))) for file in _sorted(files)]
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def seen_record(
    files: Iterable[AudioFile],
    records: Iterable[FileRecord],
    seen: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """What `content_token` needs to know of a scan, ready for JSON.

    Args:
        files: that were scanned.
        records: what the scan found.
        seen: the record of the scan before, so that a file that was only touched keeps its token.

    Returns:
        name → size, mtime_ns, sha256, token. Files that could not be read are left out.
    """
    scanned = {record.file: record for record in records}
    result: dict[str, dict[str, Any]] = {}
    for file in _sorted(files):
        record = scanned[file.name]
        token = _token(file.path, (seen or {}).get(file.name), record.sha256)
        status = _stat(file.path)
        if record.sha256 and status and status.st_size == record.size:
            result[file.name] = {
                "size": status.st_size,
                "mtime_ns": status.st_mtime_ns,
                "sha256": record.sha256,
                "token": token,
            }
    return result


def _token(path: Path, earlier: Mapping[str, Any] | None, sha256: str | None = None) -> str:
    status = _stat(path)
    if status is None:
        return "missing"
    if not os.access(path, os.R_OK):  # a change of permissions leaves the time as it was
        return "unreadable"
    if (
        earlier
        and status.st_size == earlier["size"]
        and (status.st_mtime_ns == earlier["mtime_ns"] or (sha256 or file_sha256(path)) == earlier["sha256"])
    ):
        return str(earlier["token"])
    return f"{status.st_size}-{status.st_mtime_ns}"


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _sorted(files: Iterable[AudioFile]) -> list[AudioFile]:
    return sorted(files, key=lambda file: file.name)


def _named(
    found: Sequence[Found], ignored: Sequence[tuple[str, str]], where: str | tuple[str, ...]
) -> tuple[AudioFile, ...]:
    if not found:
        place = where if isinstance(where, str) else "its list of files"
        hint = f" (ignored: {len(ignored)}, such as {ignored[0][0]}: {ignored[0][1]})" if ignored else ""
        raise DatasetError(f"no audio file in {place}{hint}")
    names: dict[str, str] = {}
    for item in found:
        if item.name != printable(item.name):
            raise DatasetError(f"the name of {printable(item.name)} is not valid UTF-8: rename the file")
        if item.real in names:
            raise DatasetError(
                f"the same file is there twice, as {names[item.real]} and as {item.name}: list it once"
            )
        names[item.real] = item.name
    return tuple(sorted((AudioFile(item.name, item.path) for item in found), key=lambda file: file.name))
