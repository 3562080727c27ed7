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
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

_Result = TypeVar("_Result")

_END = 22  # bytes of the record that ends an archive without a comment

HEADER_BYTES = 10_000
"""The longest header that is read; those of plain arrays have 118 bytes."""

# What zipfile, its decompressors and NumPy's parser of headers raise on data that is damaged.
MALFORMED = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

# Lengths of the header's own length, by the version of the format. Version 3 is for named fields alone.
_LENGTHS = {(1, 0): "<H", (2, 0): "<I"}


@dataclass(frozen=True)
class Header:
    """What the header of an array says.

    Attributes:
        shape: of the array.
        dtype: of its elements: numbers or text, never objects or records.
        fortran: whether the first index varies fastest.
        bytes: length of the data.
        start: where the data begins.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    bytes: int
    start: int


def read_header(stream: IO[bytes]) -> Header:
    """Read the header of `.npy` data and leave the stream at its first element.

    Raises:
        ValueError: it is no such header, or of an array of objects, records or nested arrays.
        EOFError, OSError, zlib.error, zipfile.BadZipFile: the stream is damaged.
    """
    magic = _exactly(stream, np.lib.format.MAGIC_LEN)
    if not magic.startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError("it does not begin like a .npy array")
    version = (magic[-2], magic[-1])
    if version not in _LENGTHS:
        raise ValueError(
            f"it is an array of format {version[0]}.{version[1]}, which plain numbers do not need"
        )
    packed = _exactly(stream, struct.calcsize(_LENGTHS[version]))
    (length,) = struct.unpack(_LENGTHS[version], packed)
    if length > HEADER_BYTES:
        raise ValueError(f"its header has {length} bytes, more than any array of numbers needs")
    shape, fortran, dtype = _parsed(version, packed + _exactly(stream, length))
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"it holds {_short(dtype)}; expected plain numbers or text")
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape {_short(shape)} is negative")
    size = math.prod(shape) * dtype.itemsize
    return Header(shape, dtype, fortran, size, len(magic) + len(packed) + length)


def read_data(stream: IO[bytes], header: Header) -> NDArray[Any]:
    """Read the elements that follow a header, to the end of the stream, in the machine's byte order.

    Raises:
        ValueError: the data is shorter or longer than the header says.
        EOFError, OSError, zlib.error, zipfile.BadZipFile: the stream is damaged.
    """
    data = bytearray(header.bytes)
    view, filled = memoryview(data), 0
    while filled < len(data):
        count = stream.readinto(view[filled : filled + (1 << 24)])  # type: ignore[attr-defined]
        if not count:
            raise ValueError(f"it ends after {filled} of {len(data)} bytes of data")
        filled += count
    if stream.read(1):
        raise ValueError("it has data after its last element")
    flat = np.frombuffer(data, header.dtype) if data else np.empty(0, header.dtype)
    array = flat.reshape(header.shape, order="F" if header.fortran else "C")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_npy(path: Path, accept: Callable[[Header], object]) -> NDArray[Any]:
    """Read a `.npy` file.

    Args:
        path: of the file.
        accept: called with the header before anything is allocated; raises if the array is not wanted.

    Raises:
        ValueError: the file is missing, damaged, or holds no array of numbers; without the path.
    """
    try:
        with path.open("rb") as stream:
            header = read_header(stream)
            held = os.fstat(stream.fileno()).st_size - header.start
            if held != header.bytes:
                raise ValueError(
                    f"its header {_short(header.shape)} of {header.dtype} requires {header.bytes} bytes of "
                    f"data, but it has {held}"
                )
            accept(header)
            return read_data(stream, header)
    except MALFORMED as error:
        raise ValueError(reason_of(error)) from error


class Archive:
    """The arrays of a `.npz` file, read one by one.

    Attributes:
        names: of its arrays.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ValueError: it is no archive of arrays; without the path.
        """
        try:
            self._zip = zipfile.ZipFile(path)
        except MALFORMED as error:
            raise ValueError(reason_of(error)) from error
        members = self._zip.infolist()
        self._members = {item.filename.removesuffix(".npy"): item for item in members}
        self.names: Collection[str] = self._members.keys()
        if fault := self._fault_of_list(path, members):
            self._zip.close()
            raise ValueError(fault)

    def _fault_of_list(self, path: Path, members: Sequence[zipfile.ZipInfo]) -> str:
        """What is wrong with the list of members; "" if nothing is.

        Where it is damaged, nobody would miss an array whose name is gone.
        """
        if twice := len(members) - len(self._members):
            return f"{twice} of its arrays share a name with another one"
        others = [item.filename for item in members if not item.filename.endswith(".npy")]
        if others:
            return f"it holds {_short(ascii(others[0]))}, which is not an array"
        # The end of an archive without a comment says how many there are; zipfile does not look.
        with path.open("rb") as stream:
            stream.seek(-_END, os.SEEK_END)
            end = stream.read(_END)
        counted = int.from_bytes(end[10:12], "little")
        if end[:4] == b"PK\x05\x06" and counted not in (len(members), 0xFFFF):
            return f"it holds {counted} arrays, of which {len(members)} are listed"
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def header(self, name: str) -> Header:
        """Read what an array is, without its data.

        Raises:
            ValueError: it is damaged, or no array of numbers or text.
        """
        return self._read(name, lambda stream: self._checked(name, stream))

    def read(self, name: str, accept: Callable[[Header], object] = bool) -> NDArray[Any]:
        """Read an array, checked against its checksum.

        Args:
            name: of the array.
            accept: called with the header before anything is allocated; raises if the array is not wanted.

        Raises:
            ValueError: it is damaged, or no array of numbers or text.
        """

        def whole(stream: IO[bytes]) -> NDArray[Any]:
            header = self._checked(name, stream)
            accept(header)
            return read_data(stream, header)

        return self._read(name, whole)

    def _read(self, name: str, how: Callable[[IO[bytes]], _Result]) -> _Result:
        try:
            # The others' decompressors may make any amount of memory of a few bytes, and NumPy writes none.
            if self._members[name].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("it is compressed in a way that NumPy does not write")
            with self._zip.open(self._members[name]) as stream:
                return how(stream)
        except MALFORMED as error:
            raise ValueError(f"{_short(name)}: {reason_of(error)}") from error

    def _checked(self, name: str, stream: IO[bytes]) -> Header:
        header = read_header(stream)
        held = self._members[name].file_size - header.start
        if held != header.bytes:
            raise ValueError(
                f"its header {_short(header.shape)} of {header.dtype} requires {header.bytes} bytes of data, "
                f"but it has {held}"
            )
        return header


def require_numbers(header: Header) -> None:
    """Refuse an array that does not hold real numbers of at most 64 bits.

    Raises:
        ValueError: it is one.
    """
    if header.dtype.kind not in "fiu" or header.dtype.itemsize > 8:
        raise ValueError(f"it holds {header.dtype}; expected real numbers of at most 64 bits")


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).splitlines()
    return _short(lines[0]) if lines else f"damaged ({type(error).__name__})"


def _parsed(version: tuple[int, int], sized: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """The shape, the order and the type in a header, given with its length."""
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        # A header by Python 2 is read with a warning; a damaged one may look like that, or like bad Python.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(io.BytesIO(sized), max_header_size=HEADER_BYTES)
    except MALFORMED as error:
        raise ValueError(f"its header is not a valid array header ({reason_of(error)})") from error


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ValueError("it ends within its header")
    return data


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "…"
