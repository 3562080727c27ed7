"""A cache of embeddings by the content of files: what was embedded once is not embedded again.

The vectors of a file depend on its content, on whether it was padded, on the model with its weights and
settings, and on the code and the kind of machine (`fad_core.runner.numerics`). Under all of these the cache
holds them once, whatever the file and its data set are called.

Each model on each kind of machine has a folder of *packs*. A pack is written whole and never changed, so no
locks are needed: writers that run at the same time write packs of different names, and if a pack is removed
while another process uses it, that process embeds its files again. A pack consists of an index, with the key,
place, size and digest of each entry, and of the entries. Its name is the digest of its folder's name and the
index, and each entry is compared with its digest when it is read, so damaged entries are embedded again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fad_core.errors import OutputError
from fad_core.util.atomic import atomic_path, write_text

DEFAULT_LIMIT_GB = 20.0
"""Size that a cache may have by default, in 10⁹ bytes."""

_START = b"fad-pack"
_SUFFIX = ".pack"
_CONTEXT = "context.json"
_INDEX = np.dtype([("key", "S40"), ("place", "<u8"), ("size", "<u8"), ("digest", "S40")])
_PACK_BYTES = 64 * 2**20
# What a process that is killed has to embed again is at most this old.
_PACK_SECONDS = 30.0
# As many packs of less than a sixteenth of the size are merged into one.
_SMALL_PACKS = 32
# After pruning, this share of the limit is in use.
_PRUNED = 0.9


class Entry(NamedTuple):
    """The embeddings of a file.

    Attributes:
        start_seconds: float64 `[N]`, where each window starts.
        vectors: by output, float32 `[N, D]`.
    """

    start_seconds: NDArray[np.float64]
    vectors: dict[str, NDArray[np.float32]]


class _Place(NamedTuple):
    pack: Path
    offset: int
    size: int
    digest: str


class EmbeddingCache:
    """The cached embeddings of one model on one kind of machine.

    Attributes:
        stored: number of entries that were put.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from fad_core.embedding.embedding_cache import Entry
    >>> with tempfile.TemporaryDirectory() as root:
    ...     cache = EmbeddingCache(Path(root), {"model": "vggish"}, ["embedding"])
    ...     cache.put("a" * 40, Entry(np.zeros(1), {"embedding": np.ones((1, 2), np.float32)}))
    ...     cache.flush()
    ...     later = EmbeddingCache(Path(root), {"model": "vggish"}, ["embedding"])
    ...     later.look_up(["a" * 40])
    ...     later.get("a" * 40).vectors["embedding"].tolist()
    [[1.0, 1.0]]
    """

    def __init__(
        self,
        root: Path,
        context: Mapping[str, Any],
        outputs: Sequence[str],
        limit_gb: float = DEFAULT_LIMIT_GB,
    ) -> None:
        """Open a cache; nothing is read or written yet.

        Args:
            root: folder of the caches of all models.
            context: everything, besides the files, that the vectors depend on; values that JSON can hold.
            outputs: names of the model's outputs.
            limit_gb: size that all caches in `root` may have, in 10⁹ bytes; after a pack is written, the
                packs that were not used for the longest time are removed.
        """
        self._root = root
        self._context = json.dumps({**context, "outputs": list(outputs)}, sort_keys=True, indent=1)
        self._outputs = outputs
        self._limit = int(limit_gb * 1e9)
        self._folder = root / _digest(self._context.encode())[:16]
        self._places: dict[str, _Place] = {}
        self._pending: dict[str, bytes] = {}
        self._held = 0
        self._since = time.monotonic()
        self.stored = 0

    def look_up(self, keys: Iterable[str]) -> None:
        """Find the entries of some keys, each of 40 characters, in the packs."""
        wanted = np.array(sorted(set(keys)), dtype=_INDEX["key"])
        for pack in _packs(self._folder):
            index = _read_index(pack)
            found = index[np.isin(index["key"], wanted)]
            for key, offset, size, digest in found.tolist():
                self._places[key.decode()] = _Place(pack, offset, size, digest.decode())
            if len(found):
                with suppress(OSError):  # removed in the meantime, or in a folder that cannot be written
                    os.utime(pack)

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key that was looked up or put; None if there is none, or if it is damaged."""
        content = self._pending.get(key)
        if content is None and key in self._places:
            content = _read_entry(self._places[key])
        if content is None:
            self._places.pop(key, None)
            return None
        stream = io.BytesIO(content)
        arrays = [np.load(stream, allow_pickle=False) for _ in range(1 + len(self._outputs))]
        return Entry(arrays[0], dict(zip(self._outputs, arrays[1:], strict=True)))

    def put(self, key: str, entry: Entry) -> None:
        """Store an entry under a key of 40 characters; it is on disk after `flush`, or in half a minute."""
        stream = io.BytesIO()
        np.save(stream, entry.start_seconds, allow_pickle=False)
        for name in self._outputs:
            np.save(stream, entry.vectors[name], allow_pickle=False)
        self._pending[key] = stream.getvalue()
        self._held += len(self._pending[key])
        self.stored += 1
        if self._held >= _PACK_BYTES or time.monotonic() - self._since >= _PACK_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the entries that were put since the last pack, and keep the cache within its limit.

        If that is not possible, a warning says why, and the entries are lost.
        """
        pending, self._pending, self._held = self._pending, {}, 0
        self._since = time.monotonic()
        if not pending:
            return
        small = [pack for pack in _packs(self._folder) if _size(pack) < _PACK_BYTES // 16]
        merged = small if len(small) >= _SMALL_PACKS else []
        try:
            if not (self._folder / _CONTEXT).exists():
                write_text(self._folder / _CONTEXT, self._context)
            pack, index = _write_pack(self._folder, {**_entries(merged), **pending})
        except OutputError as error:
            warnings.warn(f"embeddings are not cached: {error}", RuntimeWarning, stacklevel=2)
            return
        _remove(each for each in merged if each != pack)
        for key, offset, size, digest in index.tolist():
            self._places[key.decode()] = _Place(pack, offset, size, digest.decode())
        prune(self._root, self._limit)


def prune(root: Path, limit: int) -> int:
    """Remove the packs that were not used for the longest time until the rest takes less than a limit.

    Args:
        root: folder of the caches.
        limit: number of bytes; if the packs take no more, none is removed.

    Returns:
        The number of bytes that were removed.
    """
    packs = sorted((_used(pack), _size(pack), pack) for folder in _folders(root) for pack in _packs(folder))
    total = sum(size for _, size, _ in packs)
    removed = 0
    if total > limit:
        for _, size, pack in packs:
            if total - removed <= limit * _PRUNED:
                break
            _remove([pack])
            removed += size
    for folder in _folders(root):
        if not _packs(folder):
            _remove([folder / _CONTEXT])
            with suppress(OSError):  # another process has just written a pack
                folder.rmdir()
    return removed


class CacheInfo(NamedTuple):
    """The cached embeddings of one model on one kind of machine.

    Attributes:
        context: what they depend on besides the files.
        files: number of entries.
        bytes: size of the packs.
        used: when they were used last, in seconds since 1970.
    """

    context: dict[str, Any]
    files: int
    bytes: int
    used: float


def cache_info(root: Path) -> list[CacheInfo]:
    """Return the contents of all caches in a folder, those used last first.

    Args:
        root: folder of the caches; it need not exist.
    """
    found = []
    for folder in _folders(root):
        packs = _packs(folder)
        keys = {key for pack in packs for key in _read_index(pack)["key"].tolist()}
        try:
            context = json.loads((folder / _CONTEXT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            context = {}
        used = max(map(_used, packs), default=0.0)
        found.append(CacheInfo(context, len(keys), sum(map(_size, packs)), used))
    return sorted(found, key=lambda info: -info.used)


def _write_pack(folder: Path, entries: Mapping[str, bytes]) -> tuple[Path, NDArray[np.void]]:
    """Write a pack; return its path and its index."""
    sizes = [len(content) for content in entries.values()]
    first = len(_START) + 8 + len(entries) * _INDEX.itemsize
    offsets = first + np.cumsum([0, *sizes[:-1]])
    digests = [_digest(content) for content in entries.values()]
    index = np.array(list(zip(entries, offsets, sizes, digests, strict=True)), dtype=_INDEX)
    pack = folder / f"{_name_of(folder, index.tobytes())}{_SUFFIX}"
    with atomic_path(pack) as temporary, temporary.open("wb") as stream:
        stream.write(_START + len(index).to_bytes(8, "little") + index.tobytes())
        stream.writelines(entries.values())
    return pack, index


def _read_index(pack: Path) -> NDArray[np.void]:
    """Read the index of a pack; it is empty, and the pack is removed, if the pack is damaged."""
    try:
        with pack.open("rb") as stream:
            start = stream.read(len(_START) + 8)
            count = int.from_bytes(start[len(_START) :], "little")
            whole = start[: len(_START)] == _START and count * _INDEX.itemsize <= _size(pack)
            content = stream.read(count * _INDEX.itemsize) if whole else b""
    except OSError:  # removed in the meantime
        return np.empty(0, _INDEX)
    if _name_of(pack.parent, content) != pack.stem:
        _remove([pack])
        return np.empty(0, _INDEX)
    return np.frombuffer(content, _INDEX)


def _name_of(folder: Path, index: bytes) -> str:
    """Return the name of a pack; a pack that is moved to the folder of another model is damaged there."""
    return _digest(folder.name.encode() + index)


def _read_entry(place: _Place) -> bytes | None:
    """Read an entry; None if it is damaged or its pack was removed."""
    try:
        with place.pack.open("rb") as stream:
            stream.seek(place.offset)
            content = stream.read(place.size)
    except OSError:
        return None
    return content if _digest(content) == place.digest else None


def _entries(packs: Iterable[Path]) -> dict[str, bytes]:
    """Read all entries of some packs that are not damaged."""
    places = (
        (key.decode(), _Place(pack, offset, size, digest.decode()))
        for pack in packs
        for key, offset, size, digest in _read_index(pack).tolist()
    )
    read = ((key, _read_entry(place)) for key, place in places)
    return {key: content for key, content in read if content is not None}


def _folders(root: Path) -> list[Path]:
    return [folder for folder in sorted(root.glob("*")) if len(folder.name) == 16 and folder.is_dir()]


def _packs(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"[!.]*{_SUFFIX}"))


def _size(pack: Path) -> int:
    try:
        return pack.stat().st_size
    except OSError:
        return 0


def _used(pack: Path) -> float:
    try:
        return pack.stat().st_mtime
    except OSError:
        return 0.0


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=20).hexdigest()
