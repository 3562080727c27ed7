"""Find files: in a folder tree, by a pattern, from a list; the same on every file system.

`glob.glob` and `os.walk` are not used: they pass over folders that cannot be read without a word, and
follow a link to a folder above until the system gives up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from fad_core.errors import DatasetError

# What libsndfile reads …
_READABLE = (
    ".wav .wave .bwf .rf64 .w64 .aif .aiff .aifc .au .snd .flac .ogg .oga .opus .mp1 .mp2 .mp3 .caf .voc "
    ".nist .sph .svx .8svx .iff .htk .ircam .sf .avr .paf .pvf .sds .sd2 .wve .xi"
)
# … and what it does not, though it is sound: such a file is taken in, so that it is reported.
_UNREADABLE = (
    ".m4a .m4b .m4r .mp4 .aac .wma .3gp .amr .ape .wv .tta .tak .mka .webm .weba .ac3 .eac3 .dts .ra .rm "
    ".dsf .dff .mpc .alac .spx .gsm .vox .pcm .raw"
)
AUDIO_SUFFIXES = frozenset(f"{_READABLE} {_UNREADABLE}".split(" "))

_LOOP = "a link to a folder that contains it"

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Found:
    """A file or a folder below a root.

    Attributes:
        parts: its path relative to the root.
        path: where it lies.
        real: the same with all links resolved.
        is_folder: whether it is a folder, or a link to one.
        loop: it is a link to a folder that contains it, and is not entered.
    """

    parts: tuple[str, ...]
    path: Path
    real: str
    is_folder: bool
    loop: bool = False

    @property
    def name(self) -> str:
        """The path relative to the root, with "/"."""
        return "/".join(self.parts)


def find(where: str | tuple[str, ...]) -> tuple[list[Found], list[tuple[str, str]]]:
    """Find the files of a folder, of a pattern or of a list (see `fad_core.datasets.list_files`).

    Args:
        where: the path of a folder, a pattern, or a tuple of files' paths.

    Returns:
        What was found, possibly nothing, and (name, reason) of what was ignored; in no particular order.

    Raises:
        DatasetError: a path does not exist, or a folder cannot be read.
    """
    if not isinstance(where, str):
        return _in_list(where), []
    path = _expanded(where)
    if path.is_dir():
        return _in_folder(path)
    if os.path.lexists(path):
        return _in_list((where,)), []
    if _has_magic(where):
        return _in_pattern(str(path))
    raise DatasetError(f"{where} does not exist")


def _in_folder(root: Path) -> tuple[list[Found], list[tuple[str, str]]]:
    files, ignored = [], []
    for found in _walk(root, lambda folder: not _is_hidden(folder)):
        if found.is_folder:
            reason = _LOOP if found.loop else "hidden" if _is_hidden(found) else ""
            name = found.name + "/"
        else:
            reason, name = _why_ignored(found), found.name
            if not reason:
                files.append(found)
        if reason:
            ignored.append((printable(name), reason))
    return files, ignored


def _in_pattern(pattern: str) -> tuple[list[Found], list[tuple[str, str]]]:
    root, parts = _split_pattern(pattern)
    if not root.is_dir():
        raise DatasetError(f"nothing matches {pattern}: there is no folder {root}")
    files, ignored = [], []
    for found in _walk(root, lambda folder: _may_contain_match(folder.parts, parts)):
        if found.loop:
            ignored.append((printable(found.name) + "/", _LOOP))
        elif not found.is_folder and _matches(found.parts, parts):
            files.append(found)
    return files, ignored


def _in_list(names: Sequence[str]) -> list[Found]:
    files, problems = [], []
    for name in names:
        path = _expanded(name)
        if path.is_dir():
            problems.append(f"{printable(name)} is a folder, where a file is wanted")
        elif not os.path.lexists(path):
            problems.append(f"{printable(name)} does not exist")
        files.append(Found((name,), path, os.path.realpath(path), is_folder=False))
    if problems:
        raise DatasetError("; ".join(problems))
    return files


def _walk(root: Path, enter: Callable[[Found], bool]) -> Iterator[Found]:
    """Find all files and folders below a root; links are followed.

    Args:
        root: a folder.
        enter: says of a folder whether to look into it.

    Yields:
        Files and folders, the latter also if they are not entered; a folder before what it contains.

    Raises:
        DatasetError: a folder cannot be read.
    """
    waiting = [(Found((), root, os.path.realpath(root), is_folder=True), frozenset[str]())]
    while waiting:
        folder, above = waiting.pop()
        above |= {folder.real}
        for entry in _entries(folder.path):
            path = folder.path / entry.name
            real = os.path.realpath(path) if entry.is_symlink() else f"{folder.real}/{entry.name}"
            is_folder = _is_folder(entry)
            found = Found((*folder.parts, entry.name), path, real, is_folder, is_folder and real in above)
            yield found
            if is_folder and not found.loop and enter(found):
                waiting.append((found, above))


def _has_magic(path: str) -> bool:
    """Whether a path has a character that means something in a pattern: `*`, `?` or `[`."""
    return _MAGIC.search(path) is not None


def _split_pattern(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """Split a pattern into the folder to search and the pattern of what to find below it.

    The folder is the longest beginning without magic characters, or with ones that are simply part of
    the name of a folder that exists.
    """
    root = Path("/") if pattern.startswith("/") else Path()
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    while len(parts) > 1 and (not _has_magic(parts[0]) or (root / parts[0]).is_dir()):
        root /= parts.pop(0)
    return root, tuple(parts)


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches a pattern, part by part; `**` stands for any number of folders.

    As in a shell, a name that begins with a dot is matched only by a pattern that does.
    """
    if not pattern:
        return not path
    if pattern[0] != "**":
        return bool(path) and _part_matches(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
    if len(pattern) == 1:  # everything below
        return bool(path) and not any(part.startswith(".") for part in path)
    return _matches(path, pattern[1:]) or (
        bool(path) and not path[0].startswith(".") and _matches(path[1:], pattern)
    )


def _may_contain_match(folder: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether something below a folder may match a pattern, so that it has to be searched."""
    for index, part in enumerate(folder):
        if index < len(pattern) and pattern[index] == "**":
            return True
        if index >= len(pattern) - 1 or not _part_matches(part, pattern[index]):
            return False
    return True


def _part_matches(part: str, pattern: str) -> bool:
    return fnmatchcase(part, pattern) and (not part.startswith(".") or pattern.startswith("."))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"cannot read the folder {folder}: {error.strerror or error}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself: a bad file, which the scan reports
        return False


def _is_hidden(found: Found) -> bool:
    return found.parts[-1].startswith(".")


def _why_ignored(found: Found) -> str:
    if _is_hidden(found):
        return "hidden"
    suffix = found.path.suffix
    if not suffix:
        return "no suffix"
    return "" if suffix.lower() in AUDIO_SUFFIXES else f"{suffix} is not the suffix of an audio format"


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DatasetError(f"{path}: the home folder is not known") from error


def printable(name: str) -> str:
    """A file name as valid Unicode; bytes that are no UTF-8 (surrogates, in Python) are spelled out."""
    return name.encode("utf-8", "backslashreplace").decode()
