"""Files that other tools write into the folders of data sets, told by the structure that the tool makes.

fadtk and kadtk convert every clip to `convert/<rate>/<stem>.wav` beside it: a file of such a name is set
apart where a clip of the same stem is found two folders above. macOS puts a folder `__MACOSX` into its
archives. What else these tools leave (`embeddings/<model>/*.npy`, `stats/<model>/*.npy`,
`.ipynb_checkpoints/`) is no audio file or hidden, and never taken for data; and a folder that is merely
called like one of theirs is data.
"""

from __future__ import annotations

from collections.abc import Sequence

from fad_core.datasets.find import Found, printable

_CONVERTED = "converted by fadtk or kadtk from a clip beside it, and leftovers is ignore"
_ARCHIVED = "left by macOS in an archive, and leftovers is ignore"


def set_leftovers_apart(files: Sequence[Found]) -> tuple[list[Found], list[tuple[str, str]]]:
    """Divide files into data and leftovers of other tools.

    Args:
        files: found below a root, all of them. Names above the root do not count, so that a folder of
            leftovers can be named as a data set.

    Returns:
        The data, and (name, reason) of the leftovers.
    """
    clips = {_clip(file.parts) for file in files}
    data: list[Found] = []
    apart: list[tuple[str, str]] = []
    for file in files:
        if reason := _reason(file.parts, clips):
            apart.append((printable(file.name), reason))
        else:
            data.append(file)
    return data, apart


def _clip(parts: tuple[str, ...]) -> tuple[str, ...]:
    """A path without its suffix."""
    return (*parts[:-1], parts[-1].rpartition(".")[0] or parts[-1])


def _reason(parts: tuple[str, ...], clips: set[tuple[str, ...]]) -> str:
    """Why a file is a leftover; "" if it is none."""
    *folders, name = parts
    if folders[-2:-1] == ["convert"] and folders[-1].isdecimal() and name.endswith(".wav"):
        return _CONVERTED if _clip((*folders[:-2], name)) in clips else ""
    return _ARCHIVED if "__MACOSX" in folders else ""
