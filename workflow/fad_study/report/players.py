"""Recordings in a report: the files that it names, to be played."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
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
_COPIES = 200
"""Near copies that are listed."""


class Players:
    """The recordings of a page: each stands in it once, where it is named first.

    A file that was changed after it was scored is not played, nor what browsers do not play. The same files
    give the same bytes.

    Args:
        files: rows of a FILES table, with labels in place of names.
        places: where the audio is.
        megabytes: size of all recordings in the page, in MB; a file that would exceed it is left out.
    """

    def __init__(self, files: Sequence[Row], places: Places, megabytes: float) -> None:
        self._hashes = {(row["dataset"], row["file"]): row["sha256"] for row in files}
        self._places = places
        self._paths = cache(_paths)
        self._left = int(megabytes * 1e6)
        self._uris: dict[str, str] = {}
        self._placed: set[str] = set()

    def choose(self, dataset: str, file: str) -> None:
        """Take a recording for the page, if it can be played and is not too large."""
        sha256 = self._hashes.get((dataset, file), "")
        if self._left > 0 and sha256 and sha256 not in self._uris and dataset in self._places:
            place = self._places[dataset]
            path = self._paths(place if isinstance(place, str) else tuple(place)).get(file)
            uri = "" if path is None else _uri(path, sha256, self._left)
            if uri:
                self._uris[sha256] = uri
                self._left -= len(uri)

    def player(self, dataset: str, file: str) -> dict[str, str]:
        """Return what the next place in the page that names a file plays.

        Returns:
            `sound`, a short hash, empty if it is not played; and `uri`, empty if another place has it.
        """
        sha256 = self._hashes.get((dataset, file), "")
        if sha256 not in self._uris:
            return {"sound": "", "uri": ""}
        placed = sha256 in self._placed
        self._placed.add(sha256)
        return {"sound": sha256[:16], "uri": "" if placed else self._uris[sha256]}


def add_players(per_file: Sequence[Row], players: Players) -> list[dict[str, Any]]:
    """Return the farthest and nearest files of each set by each model, with recordings to be played.

    Args:
        per_file: rows of a PER_FILE table, with labels in place of names.
        players: the recordings of the page.

    Returns:
        Rows with the further keys `end`, and `sound` and `uri` (`Players.player`).
    """
    ends = _ends(per_file)
    taken: Counter[tuple[str, ...]] = Counter()
    order = []
    for end, row in ends:
        place = (row["model"], row["reference"], row["evaluation"], end)
        order.append((taken[place], row))
        taken[place] += 1
    for _, row in sorted(order, key=lambda item: item[0]):
        players.choose(row["evaluation"], row["file"])
    return [{**row, "end": end, **players.player(row["evaluation"], row["file"])} for end, row in ends]


def near_copies_played(near_copies: Sequence[Row], players: Players) -> list[dict[str, Any]]:
    """Return near copies, with recordings of both files to be played.

    Args:
        near_copies: rows of a NEAR_COPIES table, with labels in place of names.
        players: the recordings of the page.

    Returns:
        Rows with the further keys `file_player` and `original_player` (`Players.player`).
    """
    listed = near_copies[:_COPIES]
    pairs = [((row["evaluation"], row["file"]), (row["reference"], row["reference_file"])) for row in listed]
    for pair in pairs:
        for each in pair:
            players.choose(*each)
    return [
        {**row, "file_player": players.player(*copy), "original_player": players.player(*original)}
        for row, (copy, original) in zip(listed, pairs, strict=True)
    ]


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
