"""Tables of captions, and which caption belongs to which file."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fad_core.datasets.lists import COLUMNS
from fad_core.errors import ArgumentError, DatasetError
from fad_core.metrics.pairing import pair_name
from fad_core.models.options import Options
from fad_core.models.tokenizer import Tokenizer
from fad_core.util.formatting import counted, one_line

BY_NAME_NOTE = (
    "the table of captions names no files: its rows were paired with the files in the order of their names"
)
"""Note of a score whose captions do not name their files."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_LISTED = 5


@dataclass(frozen=True)
class Captions:
    """The captions of a data set.

    Attributes:
        path: the table that they were read from.
        texts: the captions, in the order of the table.
        files: of each caption, the file that it belongs to, as the table names it; None if no column does.
    """

    path: Path
    texts: tuple[str, ...]
    files: tuple[str, ...] | None

    @property
    def several(self) -> bool:
        """Whether a file has several captions."""
        files = [PurePosixPath(file) for file in self.files or ()]
        return len(set(files)) < len(files)

    def of_files(self, names: Sequence[str]) -> list[str]:
        """Return the name of each caption's file.

        A file is named by its path in the data set, with any suffix or none. It may have several captions,
        which name it in the same way. If the table names no files, its rows belong to the files in the order
        of their names, and there must be as many.

        Args:
            names: all files of the data set.

        Raises:
            DatasetError: a file has no caption, the same one twice, or captions that name it differently; or
                a caption has no file. The message names some.

        >>> from pathlib import Path
        >>> captions = Captions(Path("captions.csv"), ("a dog", "a cat"), ("cat.flac", "dog"))
        >>> captions.of_files(["dog.wav", "cat.wav"])
        ['cat.wav', 'dog.wav']
        """
        if self.files is None:
            if len(self.texts) != len(names):
                raise DatasetError(
                    f"{self.path} has {counted(len(self.texts), 'caption')}, but there are "
                    f"{counted(len(names), 'file')}: add a column {COLUMNS[0]} that names the files"
                )
            return sorted(names)
        known = set(names)
        stems: dict[str, list[str]] = {}
        for name in names:
            stems.setdefault(pair_name(name), []).append(name)
        owners: list[str] = []
        strangers: list[str] = []
        counts: Counter[tuple[str, str]] = Counter()
        ways: dict[str, set[str]] = {}
        for written, text in zip(self.files, self.texts, strict=True):
            name = str(PurePosixPath(written))
            alike = [name] if name in known else stems.get(name) or stems.get(pair_name(name), [])
            if len(alike) == 1:
                owners += alike
                counts[alike[0], text] += 1
                ways.setdefault(alike[0], set()).add(name)
            else:
                strangers.append(written)
        faults = {
            "captions of no file, or of several": strangers,
            "files without a caption": [name for name in names if name not in ways],
            "files that captions name differently": [name for name, found in ways.items() if len(found) > 1],
            "files with the same caption twice": [name for (name, _), count in counts.items() if count > 1],
        }
        if any(faults.values()):
            lines = [f"{what}: {_some(files)}" for what, files in faults.items() if files]
            head = f"{self.path} does not fit the files, which are named by their paths in the set:"
            raise DatasetError("\n    ".join([head, *lines]))
        return owners


def read_captions(
    path: str | os.PathLike[str], caption_column: str = "caption", file_column: str | None = None
) -> Captions:
    """Read a table of captions.

    Args:
        path: the table, `.csv` or `.tsv`, in UTF-8, with a heading.
        caption_column: the column of the captions.
        file_column: the column of the files; None: the one that has a usual name (file, path, audio, …), if
            there is one.

    Raises:
        DatasetError: the table cannot be read, lacks a column, or has empty captions or files.
    """
    path = Path(path).expanduser()
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is None:
        raise DatasetError(f"{path}: a table of captions ends in .csv or .tsv")
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not in UTF-8: {error}") from error
    except csv.Error as error:
        raise DatasetError(f"{path} cannot be read as a table ({error}): is a quote not closed?") from error
    heading, *lines = [row for row in rows if row] or [[]]
    if wrong := [number for number, row in enumerate(lines, start=1) if len(row) != len(heading)]:
        separator = "comma" if delimiter == "," else "tab"
        raise DatasetError(
            f"{path} does not have the {counted(len(heading), 'column')} of its heading in {_rows(wrong)}: "
            f"columns are divided by a {separator}, and a text that has one stands in double quotes"
        )
    captions = [row[_place(path, heading, caption_column)] for row in lines]
    if empty := [number for number, caption in enumerate(captions, start=1) if not caption.strip()]:
        raise DatasetError(f"{path} has no caption in {_rows(empty)}")
    if not captions:
        raise DatasetError(f"{path} has no captions")
    place = None
    if file_column is not None:
        place = _place(path, heading, file_column)
    elif usual := [name for name in heading if name.lower().strip() in COLUMNS and name != caption_column]:
        if len(usual) > 1:
            raise DatasetError(f"{path}: several columns may name the files: {', '.join(usual)}: choose one")
        place = heading.index(usual[0])
    files = None if place is None else tuple(row[place].strip() for row in lines)
    if unnamed := [number for number, file in enumerate(files or (), start=1) if not file]:
        raise DatasetError(f"{path} names no file in {_rows(unnamed)}")
    return Captions(path, tuple(captions), files)


def require_readable(captions: Captions, tokenizer: Tokenizer) -> None:
    """Require that a model can read all captions.

    Raises:
        DatasetError: a caption has too many tokens; the message names its row.
    """
    for row, text in enumerate(captions.texts, start=1):
        try:
            tokenizer.ids(text)
        except DatasetError as error:
            raise DatasetError(f"{captions.path}, row {row} below the heading: {error}") from error


def require_one_vector(options: Options) -> None:
    """Require that a model gives one vector for each file, which is compared with that of its caption.

    Raises:
        ArgumentError: it gives one for each of several windows.
    """
    if options.crop == "windows" or options.imitate_fadtk:
        raise ArgumentError(
            "a file is compared with its caption by one vector, but this model would embed several windows "
            "of a file: choose another crop, and not the conventions of fadtk"
        )


def _place(path: Path, heading: Sequence[str], column: str) -> int:
    if heading.count(column) != 1:
        listed = ", ".join(heading) or "none"
        what = "two columns" if column in heading else "no column"
        raise DatasetError(f"{path} has {what} {column!r}; columns: {listed}: rename one, or name another")
    return heading.index(column)


def _rows(numbers: Sequence[int]) -> str:
    """Name rows by their numbers, the first below the heading being 1."""
    listed = _some([str(number) for number in numbers])
    return f"row {listed} below the heading" if len(numbers) == 1 else f"rows {listed} below the heading"


def _some(names: Sequence[str]) -> str:
    """Return the first few of names, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(one_line(name) for name in names[:_LISTED]) + more
