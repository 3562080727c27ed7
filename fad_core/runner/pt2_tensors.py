"""Read the tensors of a `.pt2`, whose sizes must agree with the bytes of their members."""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fad_core.runner.pt2_archive import UnknownGraphError

_TYPES = {5: torch.int64, 7: torch.float32, 8: torch.float64, 12: torch.bool}
_LARGE = 1 << 20
"""Bytes from which on a weight is mapped from the file instead of being read."""
_MOST_AXES = 8


def read_tensor(path: Path, archive: zipfile.ZipFile, member: str, facts: Mapping[str, Any]) -> torch.Tensor:
    """Read a tensor, or map it from the file if it is large.

    Args:
        path: file of the archive.
        archive: the opened archive.
        member: name of the member with the tensor's bytes.
        facts: entry of the tensor in the archive's configuration.

    Raises:
        UnknownGraphError: the tensor is pickled.
        ValueError: its sizes do not agree with its bytes.
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
        fault = f"has {info.file_size} bytes, which does not fit a tensor of sizes {sizes[:_MOST_AXES]}"
        raise ValueError(f"{member} {fault}")
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
    """Return the offset of a member's bytes: after 30 bytes of header, name and padding (APPNOTE 4.3.7)."""
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name, padding = struct.unpack("<HH", file.read(4))
    return int(info.header_offset + 30 + name + padding)
