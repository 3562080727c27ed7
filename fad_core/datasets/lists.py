"""Lists of files: a data set that is given as "@clips.txt", or with a column as "@clips.csv:audio"."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from fad_core.errors import DatasetError
from fad_core.util.json_text import parse_object

_MARK = "@"
_WITH_COLUMN = re.compile(r"(.*\.(?:csv|tsv|jsonl)):(.+)", re.DOTALL | re.IGNORECASE)
COLUMNS = (
    *("file", "path", "audio", "filepath", "audio_filepath", "file_path", "audio_path"),
    *("filename", "file_name", "audio_file", "wav", "wav_path"),
)
"""Columns that are taken for that of the paths, in upper or lower case, if none is named."""


def is_list(where: str) -> bool:
    """Whether a data set is given as a list.

    >>> is_list("@clips.txt"), is_list("clips"), is_list("./@clips")
    (True, False, False)
    """
    return where.startswith(_MARK)


def list_in(where: str, folder: Path) -> str:
    """Return a list with its path below a folder, unless that is absolute.

    >>> from pathlib import Path
    >>> list_in("@clips.csv:audio", Path("/data"))
    '@/data/clips.csv:audio'
    """
    return f"{_MARK}{folder / Path(where.removeprefix(_MARK)).expanduser()}"


def list_path(where: str) -> Path:
    """Return the path of a list.

    >>> str(list_path("@clips.csv:audio"))
    'clips.csv'
    """
    return _split(where)[0]


def read_list(where: str) -> list[tuple[str, Path]]:
    """Read a list. Its paths are relative to its folder.

    Args:
        where: "@" and the path of the list: `.txt`, with a path a line, where a line that begins with "#" is
            a comment; `.csv`, `.tsv` or `.jsonl`, with a column of paths, which can be named after a colon;
            or Kaldi's `.scp`, with a key and a path a line.

    Returns:
        The name of each file in the data set, and its path: in the order of the list. The name is the path as
        it is written, without "./", or the key in Kaldi's lists.

    Raises:
        DatasetError: the list cannot be read, has no column of paths, or lines have no path, or that of a
            file that does not exist; the message names all of these lines.
    """
    path, column = _split(where)
    read = _FORMATS.get(path.suffix.lower())
    if read is None:
        raise DatasetError(
            f"{where}: after an @, the path of a list is expected, which ends in {', '.join(_FORMATS)}; a "
            f"folder or file whose name begins with @ is given as ./{where}"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not a list in UTF-8: {error}") from error
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    entries: list[tuple[str, Path]] = []
    faults: list[str] = []
    try:
        for line, written, key in read(text, column):
            place = path.parent / written
            if fault := _fault(written, key, place):
                faults.append(f"line {line}: {fault}")
            entries.append((key or str(PurePosixPath(written)), place))
    except (csv.Error, ValueError) as error:
        raise DatasetError(f"{path}: {error}") from error
    if faults:
        head = f"{path}: {len(faults)} of {len(entries)} lines are unusable; paths start from {path.parent}/"
        raise DatasetError("\n  ".join([head, *faults]))
    return entries


def _split(where: str) -> tuple[Path, str]:
    """Return the path of a list and the column that is named; "" if none is."""
    text = where.removeprefix(_MARK)
    match = _WITH_COLUMN.fullmatch(text)
    path, column = match.groups() if match else (text, "")
    return Path(path).expanduser(), column


def _fault(written: str, key: str | None, place: Path) -> str:
    """Return why a line does not name a file; "" if it does."""
    if not written:
        return "no path"
    if key is not None and written.endswith("|"):
        return f"{key} is a command, which is not run: write its output to a file, and list that"
    if place.is_dir():
        return f"{written} is a folder"
    return "" if os.path.lexists(place) else f"{written} does not exist"


Line = tuple[int, str, str | None]
"""Number of a line, its path, and its key in Kaldi's lists."""


def _plain(text: str, _column: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        if (written := line.strip()) and not written.startswith("#"):
            yield number, written, None


def _kaldi(text: str, _column: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            key, *rest = line.split(maxsplit=1)
            yield number, "".join(rest).strip(), key


def _table(delimiter: str) -> Callable[[str, str], Iterator[Line]]:
    def read(text: str, column: str) -> Iterator[Line]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        heading = next(rows, [])
        place = heading.index(_column_of(heading, column))
        for fields in rows:
            if fields and len(fields) != len(heading):
                raise ValueError(
                    f"line {rows.line_num}: {len(fields)} fields, but the heading has {len(heading)}"
                )
            if fields:
                yield rows.line_num, fields[place].strip(), None

    return read


def _json_lines(text: str, column: str) -> Iterator[Line]:
    chosen = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = parse_object(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        chosen = chosen or _column_of(list(fields), column)
        written = fields.get(chosen)
        yield number, written.strip() if isinstance(written, str) else "", None


_FORMATS: dict[str, Callable[[str, str], Iterator[Line]]] = {
    ".txt": _plain,
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".jsonl": _json_lines,
    ".scp": _kaldi,
}


def _column_of(heading: list[str], column: str) -> str:
    """Return the column of the paths: the one that is named, or the only one of a usual name.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = [name for name in heading if (name == column if column else name.lower().strip() in COLUMNS)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(heading) or "none"
    if column:
        raise ValueError(f"{'two columns' if found else 'no column'} {column!r}; columns: {listed}")
    what = f"several columns may hold the paths: {', '.join(found)}" if found else "no column of paths"
    raise ValueError(f"{what} (columns: {listed}): name it after a colon, as in {_MARK}clips.csv:column")
