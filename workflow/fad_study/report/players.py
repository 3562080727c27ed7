"""Recordings in a report: the files that it names, to be played."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fad_core.datasets import Dataset, list_files
from fad_core.errors import FadError

Row = Mapping[str, Any]
Places = Mapping[str, str | Sequence[str]]
"""Where the audio of data sets is, by their labels: `path` in the configuration."""

# What browsers play, by suffix.
_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
}


_ENDS = 10
"""Files of each set that are listed as the nearest, and as the farthest."""


def add_players(
    per_file: Sequence[Row], files: Sequence[Row], places: Places, megabytes: float
) -> list[dict[str, Any]]:
    """Return the farthest and nearest files of each set by each model, with recordings to be played.

    A file that was changed after it was scored is not played, nor what browsers do not play. The same files
    give the same bytes.

    Args:
        per_file: rows of a PER_FILE table.
        files: rows of a FILES table. Both have labels in place of names.
        places: where the audio is.
        megabytes: size of all recordings in the page, in MB; a file that would exceed it is left out.

    Returns:
        Rows with the further keys `end`, `sound` (a short hash; empty if it is not played) and `uri` (empty
        if another row has it).
    """
    ends = _ends(per_file)
    hashes = {(row["dataset"], row["file"]): row["sha256"] for row in files}
    names = dict.fromkeys(row["evaluation"] for _, row in ends)
    listings = {name: _paths(places[name]) for name in names if name in places and megabytes}
    uris: dict[str, str] = {}
    left = int(megabytes * 1e6)
    taken: Counter[tuple[str, ...]] = Counter()
    order = []
    for end, row in ends:
        place = (row["model"], row["reference"], row["evaluation"], end)
        order.append((taken[place], row))
        taken[place] += 1
    for _, row in sorted(order, key=lambda item: item[0]):
        key = (row["evaluation"], row["file"])
        path = listings.get(key[0], {}).get(key[1])
        if path is not None and key in hashes and hashes[key] not in uris:
            uri = _uri(path, hashes[key], left)
            if uri:
                uris[hashes[key]] = uri
                left -= len(uri)
    shown = []
    known = set(uris)
    for end, row in ends:
        sha256 = hashes.get((row["evaluation"], row["file"]), "")
        sound = sha256[:16] if sha256 in known else ""
        shown.append({**row, "end": end, "sound": sound, "uri": uris.pop(sha256, "")})
    return shown


def _ends(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """Return the farthest and nearest files of each set by each model."""
    places: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        places.setdefault((row["model"], row["reference"], row["evaluation"]), []).append(row)
    found: list[tuple[str, Row]] = []
    for files in places.values():
        far = files[: min(_ENDS, (len(files) + 1) // 2)]
        near = files[len(far) :][-_ENDS:]
        found += [*(("farthest", row) for row in far), *(("nearest", row) for row in reversed(near))]
    return found


def _uri(path: Path, sha256: str, size: int) -> str:
    """Return a file as a data URI; empty if it would be larger than `size`, or is not that file any more."""
    kind = _TYPES.get(path.suffix.lower())
    try:
        if kind is None or path.stat().st_size * 4 / 3 > size:
            return ""
        data = path.read_bytes()
    except OSError:
        return ""
    uri = f"data:{kind};base64,{b64encode(data).decode()}"
    return uri if hashlib.sha256(data).hexdigest() == sha256 and len(uri) <= size else ""


def _paths(place: str | Sequence[str]) -> dict[str, Path]:
    """Return the paths of a data set's files by their names; none if it is not there any more."""
    try:
        listing = list_files(Dataset("", place if isinstance(place, str) else tuple(place)))
    except (FadError, OSError):
        return {}
    return {file.name: file.path for file in listing.files}
