"""The zip archive of a `.pt2`: opened, checked, and its JSON and tensors read.

A file may come from anybody, so nothing here unpickles, and nothing is allocated that the file does not hold:
members are stored as they are, none twice, and together no larger than the file; a tensor's sizes must give
its member's bytes.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fad_core.errors import ModelError
from fad_core.tables.arrays import UNZIP_ERRORS
from fad_core.util.json_text import parse_object

_TYPES = {5: torch.int64, 7: torch.float32, 8: torch.float64, 12: torch.bool}
_LARGE = 1 << 20
"""Bytes from which a weight stays in the file until it is used."""
_LONGEST_JSON = 16 << 20
"""Bytes of JSON, of which the largest of our models has 1 MB. Parsed, they may take 30 times as much."""
_MOST_AXES = 8


class UnknownGraphError(Exception):
    """The file holds something that is not read here; `torch.export.load` may read it."""


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
        raise ModelError(f"{path} is no exported model, or not a whole one: {error}") from error


def require_whole(path: Path) -> None:
    """Compare the checksums of all members: 0.1 s for the 290 MB of VGGish.

    What maps weights from the file sees no checksum, and torch loads a flipped bit in silence.

    Raises:
        ModelError: the file is missing or damaged.
    """
    with open_archive(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ModelError(f"{path} is damaged at {damaged}: delete it and export it again")


def require_plain(path: Path) -> None:
    """Check that the archive is laid out as `torch.export.save` does, before anything of it is read.

    Raises:
        ModelError: it is missing, or not a whole archive.
        UnknownGraphError: members are compressed, encrypted or doubled, lie in several folders, or overlap.
    """
    with open_archive(path) as archive:
        members = archive.infolist()
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise UnknownGraphError("two members of one name")
    if len({name.partition("/")[0] for name in names}) != 1:
        raise UnknownGraphError("members that are not in one folder")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise UnknownGraphError(f"a compressed or encrypted member, {member.filename}")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise UnknownGraphError("members larger than the file")


def read_json(archive: zipfile.ZipFile, member: str) -> dict[str, Any]:
    """Parse a member as a JSON object.

    Raises:
        UnknownGraphError: it is too long or no such object (`parse_object`).
        KeyError: there is no such member.
    """
    if archive.getinfo(member).file_size > _LONGEST_JSON:
        raise UnknownGraphError(f"{member} is longer than {_LONGEST_JSON} bytes")
    try:
        return parse_object(archive.read(member), _LONGEST_JSON)
    except ValueError as error:
        raise UnknownGraphError(f"{member} is no JSON that is read here: {error}") from error


def read_tensor(path: Path, archive: zipfile.ZipFile, member: str, facts: Mapping[str, Any]) -> torch.Tensor:
    """Read a tensor, or map it from the file if it is large.

    Args:
        path: the archive's file.
        archive: it, opened.
        member: the tensor's bytes.
        facts: what the archive's configuration says of it.

    Raises:
        UnknownGraphError: it is pickled.
        ValueError: sizes and bytes do not go together.
    """
    info, meta = archive.getinfo(member), facts["tensor_meta"]
    if facts["use_pickle"] is not False:
        raise UnknownGraphError(f"{member} is a pickle")
    sizes, strides = ([_size(each) for each in meta[what]] for what in ("sizes", "strides"))
    dtype = _TYPES[meta["dtype"]]
    last = sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    count = math.prod(sizes)
    if (
        len(sizes) > _MOST_AXES
        or not last < count
        or count * dtype.itemsize != info.file_size
        or _size(meta["storage_offset"]) != 0
    ):
        raise ValueError(f"{member} of {info.file_size} bytes is no tensor of sizes {sizes[:_MOST_AXES]}")
    values: Any
    if info.file_size < _LARGE:
        values = bytearray(archive.read(member))
    else:
        values = np.memmap(path, np.uint8, "c", _start(path, info), info.file_size)
    return torch.frombuffer(values, dtype=dtype).as_strided(sizes, strides)


def _size(facts: Mapping[str, Any]) -> int:
    size = facts["as_int"]
    if type(size) is not int or not 0 <= size < 1 << 62:
        raise ValueError(f"a size of {size}")
    return size


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes start: behind a header of 30 bytes, its name and padding (APPNOTE, 4.3.7)."""
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name, padding = struct.unpack("<HH", file.read(4))
    return int(info.header_offset + 30 + name + padding)
