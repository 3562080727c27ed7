"""Divide the shards of a study into batches, each of which is scanned, or embedded by a model, in one job.

Starting Python and PyTorch for a second of work is a waste, so a batch holds shards of several data sets.
Where a batch ends depends on the names and sizes of its shards, so that a set that is added or removed
changes its own batch, and seldom another one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fad_core.datasets import Dataset, list_files
from fad_core.tables.files import damaged, readable_file
from fad_core.util.atomic import write_text
from fad_study.shards import shard_of

_VARIABLE = "FAD_BATCHES"
# A batch of the wanted size ends at one of so many shards, and at the latest at this multiple of the size.
_ENDS = 3
_LARGEST = 3


class Shard(NamedTuple):
    """A shard of a data set.

    Attributes:
        dataset: name of the data set.
        shard: its number, from 0.
    """

    dataset: str
    shard: int


Batches = Mapping[str, Sequence[Shard]]
"""Shards by the name of their batch, 16 hex digits."""


def batches_of(sizes: Iterable[tuple[Shard, int]], least: int) -> dict[str, tuple[Shard, ...]]:
    """Divide shards into batches, which are named after the shards in them.

    Args:
        sizes: the shards, and the bytes of their files.
        least: bytes that a batch has at least, except for the last one.

    >>> from fad_study.batches import Shard
    >>> shards = [(Shard(name, 0), 10) for name in "abcdef"]
    >>> [[shard.dataset for shard in batch] for batch in batches_of(shards, 20).values()]
    [['a', 'b', 'c', 'd'], ['e', 'f']]
    """
    made: list[list[Shard]] = []
    held = 0
    for shard, size in sorted(sizes):
        if not held:
            made.append([])
        made[-1].append(shard)
        # An empty shard, too, is in a batch.
        held += max(1, size)
        if held >= _LARGEST * least or (held >= least and int(_digest([shard]), 16) % _ENDS == 0):
            held = 0
    return {_digest(batch): tuple(batch) for batch in made}


def shard_sizes(datasets: Mapping[str, Dataset], shards: Mapping[str, int]) -> dict[Shard, int]:
    """Return the shards of data sets, and the bytes of their files.

    Args:
        datasets: by their names.
        shards: number of shards of each.
    """
    sizes = {Shard(name, number): 0 for name in datasets for number in range(shards[name])}
    for name, dataset in datasets.items():
        for file in list_files(dataset).files:
            try:
                size = file.path.stat().st_size
            except OSError:  # the scan reports it
                size = 0
            sizes[Shard(name, shard_of(file.name, shards[name]))] += size
    return sizes


def share_batches(batches: Batches, folder: Path) -> None:
    """Write the batches of a run to a file that is named after its content, for the jobs of the run.

    Jobs inherit the name of the file: all of them have the same batches, even if files are added in the
    meantime.

    Args:
        batches: the batches.
        folder: where the file is written.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(batches)
    path = folder / f"{_name_of(text.encode())}.json"
    if not path.exists() or path.read_bytes() != text.encode():
        write_text(path, text)
    os.environ[_VARIABLE] = str(path)


def shared_batches() -> dict[str, tuple[Shard, ...]]:
    """Return the batches of this run, which `share_batches` has written."""
    return read_batches(Path(os.environ[_VARIABLE]))


def read_batches(path: Path) -> dict[str, tuple[Shard, ...]]:
    """Read batches from a file that `share_batches` has written.

    Raises:
        FadError: the file is missing or damaged.
    """
    with readable_file(path):
        content = path.read_bytes()
    if _name_of(content) != path.stem:
        raise damaged(path, ValueError("its name is not the hash of what it holds"))
    batches = json.loads(content)
    return {name: tuple(Shard(*shard) for shard in shards) for name, shards in batches.items()}


def _digest(shards: Sequence[Shard]) -> str:
    return _name_of(json.dumps(shards).encode())


def _name_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
