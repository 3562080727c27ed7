"""Open and check the zip archive of a `.pt2`, and read its JSON.

A file may come from any source, so this module unpickles nothing and allocates no more than the size of the
file: members must be stored uncompressed, have different names, and together be no larger than the file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fad_core.errors import ModelError
from fad_core.tables.arrays import UNZIP_ERRORS
from fad_core.util.json_text import parse_object

_LONGEST_JSON = 16 << 20
"""Bytes of JSON; the models of this package have up to 1 MB. Parsed, it may take 30 times as much memory."""


class UnknownGraphError(Exception):
    """The file holds something that this module does not read; `torch.export.load` may read it."""


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive.

    Raises:
        ModelError: it is missing, or not a whole archive.
    """
    if not path.is_file():
        raise ModelError(f"there is no exported model at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except UNZIP_ERRORS as error:
        raise ModelError(f"{path} is not an exported model, or is incomplete: {error}") from error


def require_whole(path: Path) -> None:
    """Compare the checksums of all members, which takes 0.1 s for the 290 MB of VGGish.

    Reading weights through a memory map compares no checksums, and torch reports no error for a flipped bit.

    Raises:
        ModelError: the file is missing or damaged.
    """
    with open_archive(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ModelError(f"{path} is damaged at {damaged}: delete it and export it again")


def require_plain(path: Path) -> None:
    """Check that the archive has the layout of `torch.export.save`, before a member is read.

    Raises:
        ModelError: the file is missing, or is not a whole archive.
        UnknownGraphError: members are compressed, encrypted, repeated, in several folders, or overlap.
    """
    with open_archive(path) as archive:
        members = archive.infolist()
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise UnknownGraphError("two members with the same name")
    if len({name.partition("/")[0] for name in names}) != 1:
        raise UnknownGraphError("members in several folders")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise UnknownGraphError(f"a compressed or encrypted member, {member.filename}")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise UnknownGraphError("members larger than the file")


def read_json(archive: zipfile.ZipFile, member: str) -> dict[str, Any]:
    """Parse a member as a JSON object.

    Raises:
        UnknownGraphError: it is too long, or not a JSON object (`parse_object`).
        KeyError: there is no such member.
    """
    if archive.getinfo(member).file_size > _LONGEST_JSON:
        raise UnknownGraphError(f"{member} is longer than {_LONGEST_JSON} bytes")
    try:
        return parse_object(archive.read(member), _LONGEST_JSON)
    except ValueError as error:
        raise UnknownGraphError(f"{member} is not valid JSON: {error}") from error
