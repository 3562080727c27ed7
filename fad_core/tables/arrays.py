"""Read `.npy` data from files that may be damaged or hostile.

`numpy.load` allocates what a header claims and reads every member of an archive. Here a header is read first,
from a bounded number of bytes; the type, the shape and the size of the data are checked before any memory is
allocated for it, and only members that are asked for are read. Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import lzma
import math
import os
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

_END = 22  # bytes of the record that ends an archive without a comment
_LONGEST_HEADER = 10_000  # bytes; those of plain arrays have 118

UNZIP_ERRORS = (
    *(EOFError, LookupError, OSError, RuntimeError, ValueError),
    *(lzma.LZMAError, struct.error, zipfile.BadZipFile, zlib.error),
)
"""What zipfile raises for what is no archive, or is damaged, encrypted or compressed as it does not know."""
# And NumPy's parser of headers.
_MALFORMED = (*UNZIP_ERRORS, MemoryError, OverflowError, SyntaxError, TypeError, tokenize.TokenError)

# Formats of the header's own length, and NumPy's readers, by version. Version 3 is for named fields alone.
_VERSIONS = {
    (1, 0): ("<H", np.lib.format.read_array_header_1_0),
    (2, 0): ("<I", np.lib.format.read_array_header_2_0),
}


@dataclass(frozen=True)
class Header:
    """What the header of an array says.

    Attributes:
        shape: of the array.
        dtype: of its elements: numbers or text, never objects or records.
        bytes: length of the data.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    bytes: int


def read_npy(path: Path, accept: Callable[[Header], object]) -> NDArray[Any]:
    """Read a `.npy` file.

    Args:
        path: of the file.
        accept: called with the header before anything is allocated; raises if the array is not wanted.

    Raises:
        ValueError: the file is missing, damaged, or holds no array of numbers or text; without the path.
    """
    try:
        with path.open("rb") as stream:
            return _read_array(stream, os.fstat(stream.fileno()).st_size, accept)
    except _MALFORMED as error:
        raise ValueError(reason_of(error)) from error


class Archive:
    """The arrays of a `.npz` file, read one by one.

    Attributes:
        names: of its arrays.
    """

    names: Collection[str]

    def __init__(self, path: Path) -> None:
        """Open it.

        Args:
            path: of the file.

        Raises:
            ValueError: the file is not an archive of arrays; the message does not contain the path.
        """
        try:
            self._zip = zipfile.ZipFile(path)
        except _MALFORMED as error:
            raise ValueError(reason_of(error)) from error
        members = self._zip.infolist()
        self._members = {item.filename.removesuffix(".npy"): item for item in members}
        self.names = self._members.keys()
        others = [item.filename for item in members if not item.filename.endswith(".npy")]
        # A damaged list of members may leave out arrays. The end of an archive without a comment says how
        # many there are, which zipfile does not compare.
        with path.open("rb") as stream:
            stream.seek(-_END, os.SEEK_END)
            end = stream.read(_END)
        counted = int.from_bytes(end[10:12], "little") if end[:4] == b"PK\x05\x06" else len(members)
        fault = ""
        if twice := len(members) - len(self._members):
            fault = f"{twice} of its arrays share a name with another one"
        elif others:
            fault = f"it holds {_short(ascii(others[0]))}, which is not an array"
        elif counted not in (len(members), 0xFFFF):
            fault = f"it holds {counted} arrays, of which {len(members)} are listed"
        if fault:
            self._zip.close()
            raise ValueError(fault)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str, accept: Callable[[Header], object] = bool) -> NDArray[Any]:
        """Read an array, checked against its checksum.

        Args:
            name: of the array.
            accept: called with the header before anything is allocated; raises if the array is not wanted.

        Raises:
            ValueError: it is damaged, or no array of numbers or text.
        """
        try:
            member = self._members[name]
            # The others' decompressors may make any amount of memory of a few bytes, and NumPy writes none.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("it is compressed in a way that NumPy does not write")
            with self._zip.open(member) as stream:
                return _read_array(stream, member.file_size, accept)
        except _MALFORMED as error:
            raise ValueError(f"{_short(name)}: {reason_of(error)}") from error


def require_numbers(header: Header) -> None:
    """Refuse an array that does not hold real numbers of at most 64 bits.

    Args:
        header: of the array.

    Raises:
        ValueError: it is such an array.
    """
    if header.dtype.kind not in "fiu" or header.dtype.itemsize > 8:
        raise ValueError(f"it holds {header.dtype}; expected real numbers of at most 64 bits")


def reason_of(error: BaseException) -> str:
    """Return what went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).splitlines()
    return _short(lines[0]) if lines else f"damaged ({type(error).__name__})"


def _read_header(stream: IO[bytes], size: int) -> Header:
    """Read the header of `.npy` data of so many bytes in all."""
    magic = _exactly(stream, np.lib.format.MAGIC_LEN)
    if not magic.startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError("it does not begin like a .npy array")
    version = (magic[-2], magic[-1])
    if version not in _VERSIONS:
        raise ValueError(f"it is an array of format {magic[-2]}.{magic[-1]}, which plain numbers do not need")
    form, parse = _VERSIONS[version]
    packed = _exactly(stream, struct.calcsize(form))
    (length,) = struct.unpack(form, packed)
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes, more than any array of numbers needs")
    text = _exactly(stream, length)
    try:
        shape, _, dtype = parse(io.BytesIO(packed + text), max_header_size=_LONGEST_HEADER)
    except _MALFORMED as error:
        raise ValueError(f"its header is not a valid array header ({reason_of(error)})") from error
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"it holds {_short(dtype)}; expected plain numbers or text")
    if any(extent < 0 for extent in shape):
        raise ValueError(f"its shape {_short(shape)} is negative")
    stated, held = math.prod(shape) * dtype.itemsize, size - len(magic) - len(packed) - length
    if held != stated:
        raise ValueError(
            f"its header {_short(shape)} of {dtype} requires {stated} bytes of data, but it has {held}"
        )
    return Header(shape, dtype, stated)


def _read_array(stream: IO[bytes], size: int, accept: Callable[[Header], object]) -> NDArray[Any]:
    """Read `.npy` data of so many bytes in all, in the machine's byte order."""
    # A header by Python 2 is read with a warning; a damaged one may look like that, or like bad Python.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accept(_read_header(stream, size))
        stream.seek(0)
        array: NDArray[Any] = np.lib.format.read_array(stream, max_header_size=_LONGEST_HEADER)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ValueError("it ends within its header")
    return data


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "…"
