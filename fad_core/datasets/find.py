"""Find files: in a folder tree, by a pattern, from a list; the same on every file system.

`glob.glob` and `os.walk` are not used: they skip folders that cannot be read without an error, and follow a
link to a folder above until the system gives up.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from fad_core.datasets.leftovers import leftover_reasons
from fad_core.datasets.lists import is_list, read_list
from fad_core.datasets.policy import DEFAULTS, Leftovers
from fad_core.errors import DatasetError

# Formats that libsndfile reads …
_READABLE = (
    ".wav .wave .bwf .rf64 .w64 .aif .aiff .aifc .au .snd .flac .ogg .oga .opus .mp1 .mp2 .mp3 .caf .voc "
    ".nist .sph .svx .8svx .iff .htk .ircam .sf .avr .paf .pvf .sds .sd2 .wve .xi"
)
# … and others, which are listed as data, so that they are reported as bad files.
_UNREADABLE = (
    ".m4a .m4b .m4r .mp4 .aac .wma .3gp .amr .ape .wv .tta .tak .mka .webm .weba .ac3 .eac3 .dts .ra .rm "
    ".dsf .dff .mpc .alac .spx .gsm .vox .pcm .raw"
)
AUDIO_SUFFIXES = frozenset(f"{_READABLE} {_UNREADABLE}".split(" "))

_NO_SOUND = (".npz", ".npy", ".parquet")
_LOOP = "a link to a folder that contains it"

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class AudioFile:
    """One file of a data set.

    Attributes:
        name: its identity in the data set: the path relative to the data set's root, with "/"; in a list of
            files the path as given, or the key that the list gives it.
        path: its path in the file system.
    """

    name: str
    path: Path


Ignored = list[tuple[str, str]]
"""(name, reason) of files and folders in the place of a data set that are not part of it."""


@dataclass(frozen=True)
class Dataset:
    """A data set as the configuration names it.

    Attributes:
        name: its name in the study.
        path: a folder, a glob pattern, a list such as "@clips.txt" (`fad_core.datasets.lists`), or a tuple of
            files.
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
    * A list, as a tuple or after "@" the path of one: the files as they stand; each of them must exist.

    Args:
        dataset: `~` in its paths is the home folder.

    Returns:
        The files, of which there is at least one, and what was ignored.

    Raises:
        DatasetError: the path does not exist, a folder cannot be read, no file is found, or a list names one
            twice.
    """
    try:
        files, ignored = _find(dataset.path, leftovers=dataset.leftovers == "use")
        return Listing(_checked(files, ignored, dataset.path), tuple(sorted(ignored)))
    except (DatasetError, OSError) as error:
        # On the command line, the name of a set is its path, which the error names.
        head = "" if dataset.name == dataset.path else f"data set {dataset.name}: "
        raise DatasetError(f"{head}{error}") from error


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _find(where: str | tuple[str, ...], *, leftovers: bool) -> tuple[list[AudioFile], Ignored]:
    """Find the files, possibly none, and what is ignored, in no particular order."""
    if not isinstance(where, str):
        return _in_list(where), []
    if is_list(where):
        return [AudioFile(*entry) for entry in read_list(where)], []
    path = _expanded(where)
    if path.is_dir():
        files, ignored = _search(path, None)
    elif path.suffix in _NO_SOUND and path.is_file():
        raise DatasetError(f"{where} is a file of statistics or embeddings, not of sound")
    elif os.path.lexists(path):
        return _in_list((where,)), []
    elif _MAGIC.search(where):
        root, pattern = _split_pattern(str(path))
        if not root.is_dir():
            raise DatasetError(f"nothing matches {path}: there is no folder {root}")
        files, ignored = _search(root, pattern)
    else:
        raise DatasetError(f"{where} does not exist")
    reasons = {} if leftovers else leftover_reasons([file.name for file in files])
    ignored += [(_printable(name), reason) for name, reason in reasons.items()]
    return [file for file in files if file.name not in reasons], ignored


def _checked(
    files: Sequence[AudioFile], ignored: Ignored, where: str | tuple[str, ...]
) -> tuple[AudioFile, ...]:
    """Return the files sorted by name, of which there must be one, each with a name of its own in UTF-8."""
    if not files:
        place = where if isinstance(where, str) else "its list of files"
        hint = f" (ignored: {len(ignored)}, such as {ignored[0][0]}: {ignored[0][1]})" if ignored else ""
        raise DatasetError(f"no audio file in {place}{hint}")
    names: set[str] = set()
    for name in (file.name for file in files):
        if name != _printable(name):
            raise DatasetError(f"the name of {_printable(name)} is not valid UTF-8: rename the file")
        if name in names:
            raise DatasetError(
                f"{name} is listed twice: to use a file twice, give it a second name, such as a link to it"
            )
        names.add(name)
    return tuple(sorted(files, key=lambda file: file.name))


def _printable(name: str) -> str:
    """Return a file name as valid Unicode; bytes that are not UTF-8 (surrogates in `str`) are spelled out."""
    return name.encode("utf-8", "backslashreplace").decode()


def _in_list(names: Sequence[str]) -> list[AudioFile]:
    files, problems = [], []
    for name in names:
        path = _expanded(name)
        if path.is_dir():
            problems.append(f"{_printable(name)} is a folder, not a file")
        elif not os.path.lexists(path):
            problems.append(f"{_printable(name)} does not exist")
        files.append(AudioFile(name, path))
    if problems:
        raise DatasetError("; ".join(problems))
    return files


def _search(root: Path, pattern: Sequence[str] | None) -> tuple[list[AudioFile], Ignored]:
    """Find the files below a root. Links are followed.

    Args:
        root: a folder.
        pattern: parts of the pattern that files must match; None: find all audio files that are not hidden.

    Raises:
        DatasetError: a folder cannot be read.
    """
    files: list[AudioFile] = []
    ignored: Ignored = []
    # Each folder with its parts below the root, its path without links, and those of all folders above it.
    waiting = [(tuple[str, ...](), root, os.path.realpath(root), frozenset[str]())]
    while waiting:
        above, folder, real, loops = waiting.pop()
        loops |= {real}
        for entry in _entries(folder):
            parts, path = (*above, entry.name), folder / entry.name
            name, reason = "/".join(parts), ""
            if _is_folder(entry):
                name += "/"
                target = os.path.realpath(path) if entry.is_symlink() else f"{real}/{entry.name}"
                if target in loops:
                    reason = _LOOP
                elif pattern is None and entry.name.startswith("."):
                    reason = "hidden"
                elif pattern is None or _may_contain_match(parts, pattern):
                    waiting.append((parts, path, target, loops))
            elif pattern is None:
                reason = _why_ignored(path)
                files += [] if reason else [AudioFile(name, path)]
            elif _matches(parts, pattern):
                files.append(AudioFile(name, path))
            if reason:
                ignored.append((_printable(name), reason))
    return files, ignored


def _split_pattern(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """Split a pattern into the folder to search and the pattern of what to find below it.

    The folder is the longest beginning without magic characters, or with ones that are simply part of
    the name of a folder that exists.
    """
    root = Path("/") if pattern.startswith("/") else Path()
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    while len(parts) > 1 and (not _MAGIC.search(parts[0]) or (root / parts[0]).is_dir()):
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


def _why_ignored(path: Path) -> str:
    if path.name.startswith("."):
        return "hidden"
    if not path.suffix:
        return "no suffix"
    known = path.suffix.lower() in AUDIO_SUFFIXES
    return "" if known else f"{path.suffix} is not the suffix of an audio format"


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DatasetError(f"{path}: the home folder cannot be determined") from error
