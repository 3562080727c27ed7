"""Files that other tools write into the folders of data sets, known by the structure that the tool makes.

fadtk and kadtk convert every clip to `convert/<rate>/<stem>.wav` beside it: a file of such a name is a
leftover if there is a clip of the same stem two folders above. macOS puts a folder `__MACOSX` into its
archives. What else these tools leave (`embeddings/<model>/*.npy`, `stats/<model>/*.npy`,
`.ipynb_checkpoints/`) is not audio or hidden, and so never data. A folder that only has the name of one of
theirs is data.
"""

from __future__ import annotations

from collections.abc import Sequence

_CONVERTED = "converted by fadtk or kadtk from a clip beside it (setting: leftovers)"
_ARCHIVED = "left by macOS in an archive (setting: leftovers)"


def leftover_reasons(names: Sequence[str]) -> dict[str, str]:
    """Return the reason why a file is a leftover of another tool, for each that is one.

    Args:
        names: paths of all files found below a root, relative to it. Names above the root do not count, so
            that a folder of leftovers can be a data set.

    >>> leftover_reasons(["a.flac", "convert/16000/a.wav", "convert/16000/b.wav"])
    {'convert/16000/a.wav': 'converted by fadtk or kadtk from a clip beside it (setting: leftovers)'}
    """
    clips = {_clip(tuple(name.split("/"))) for name in names}
    reasons = {name: _reason(tuple(name.split("/")), clips) for name in names}
    return {name: reason for name, reason in reasons.items() if reason}


def _clip(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path without its suffix."""
    return (*parts[:-1], parts[-1].rpartition(".")[0] or parts[-1])


def _reason(parts: tuple[str, ...], clips: set[tuple[str, ...]]) -> str:
    *folders, name = parts
    if folders[-2:-1] == ["convert"] and folders[-1].isdecimal() and name.endswith(".wav"):
        return _CONVERTED if _clip((*folders[:-2], name)) in clips else ""
    return _ARCHIVED if "__MACOSX" in folders else ""
