"""Files that other tools write into the folders of data sets, told by the structure that the tool makes.

fadtk and kadtk convert every clip to `convert/<rate>/<stem>.wav` beside it. Such a folder is set apart where
most of its files have an original of the same stem two folders above; a folder that is merely called so is
data. What else these tools leave (`embeddings/<model>/*.npy`, `stats/<model>/*.npy`), and what macOS and
Jupyter leave (`__MACOSX/._*`, `.ipynb_checkpoints/`), is no audio file or hidden, and never taken for data.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from fad_core.datasets.find import AUDIO_SUFFIXES, Found, printable

_REASON = "converted by fadtk or kadtk from the clips beside it (leftovers: use takes it as data)"


def set_leftovers_apart(files: Sequence[Found]) -> tuple[list[Found], list[tuple[str, str]]]:
    """Divide files into data and leftovers of other tools.

    Args:
        files: found below a root. Names above the root do not count, so that a folder of leftovers can be
            named as a data set.

    Returns:
        The data, and (name, reason) of the leftovers.
    """
    data: list[Found] = []
    apart: list[tuple[str, str]] = []
    for folder, group in groupby(sorted(files, key=_folder), key=_folder):
        members = list(group)
        if _is_converted(folder, members):
            apart += [(printable(file.name), _REASON) for file in members]
        else:
            data += members
    return data, apart


def _folder(file: Found) -> tuple[str, ...]:
    return file.parts[:-1]


def _is_converted(folder: tuple[str, ...], files: Sequence[Found]) -> bool:
    """Whether a folder is `…/convert/<rate>` with, for most of its files, the original two folders above."""
    if len(folder) < 2 or folder[-2] != "convert" or not folder[-1].isdecimal():
        return False
    if any(file.path.suffix != ".wav" for file in files):
        return False
    originals = _stems(files[0].path.parents[2])
    return 2 * sum(file.path.stem in originals for file in files) > len(files)


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES}
