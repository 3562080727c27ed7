"""Score two data sets in memory: the pipeline's steps without its files, and the same value to the last bit.

Needs torch, numpy, scipy, soundfile and resampy, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fad_core.compatibility import as_scalars, takes_scalars
from fad_core.datasets import Dataset, list_files
from fad_core.datasets.counts import SetCounts
from fad_core.datasets.scan import scan_files
from fad_core.datasets.selection import (
    FileUse,
    OnBadFile,
    OnShortFile,
    find_problems,
    require_no_problems,
    require_scorable,
    select_files,
)
from fad_core.distances import EmbeddedSet, distance_row
from fad_core.embedding import embed_files
from fad_core.exported import ExportedModel
from fad_core.statistics import statistics_of

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Score:
    """The distance of two data sets.

    Attributes:
        row: one row of the distance table (`fad_core.tables.schemas.DISTANCES`), its value under "value".
        uses: what became of every file, by data set.
        ignored: (name, reason) of what is no audio file, by data set.
    """

    row: dict[str, Any]
    uses: Mapping[str, Sequence[FileUse]]
    ignored: Mapping[str, Sequence[tuple[str, str]]]


def score(
    reference: str | Path,
    evaluation: str | Path,
    exported: ExportedModel,
    *,
    metric: str = "fad",
    on_bad_file: OnBadFile = "fail",
    on_short_file: OnShortFile = "fail",
    progress: Progress | None = None,
) -> Score:
    """Score an evaluation set against a reference set.

    Args:
        reference: a folder (with all below it), a glob, or one file.
        evaluation: likewise.
        exported: the embedding model. It is taken as it is: `fad_core.store.verified_model` gives one that
            is verified.
        metric: name of the metric.
        on_bad_file: "fail" before anything is embedded, or "skip" files that cannot be read whole.
        on_short_file: "fail", "skip" or "pad" files below the model's minimum.
        progress: called with the number of files just scanned or embedded: each file counts twice.

    Raises:
        DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
        BadFilesError: files cannot be used and no option allows to go on; the message lists them all.
    """
    reference, evaluation = str(reference), str(evaluation)
    uses: dict[str, Sequence[FileUse]] = {}
    listings = {name: list_files(Dataset(name, name)) for name in (reference, evaluation)}
    for name, listing in listings.items():
        records = scan_files(listing.files, progress)
        uses[name] = select_files(records, exported.model, on_short_file)
    require_no_problems(
        problem
        for name, selected in uses.items()
        for problem in find_problems(name, selected, on_bad_file, on_short_file)
    )
    model = exported.model
    require_scorable((name, model.name, model, selected) for name, selected in uses.items())
    sets = {}
    for name, listing in listings.items():
        paths = {file.name: file.path for file in listing.files}
        sets[name] = _embed(name, exported, uses[name], paths, progress)
    ignored = {name: listing.ignored for name, listing in listings.items()}
    return Score(distance_row(sets[reference], sets[evaluation], metric), uses, ignored)


def _embed(
    name: str,
    exported: ExportedModel,
    uses: Sequence[FileUse],
    paths: dict[str, Path],
    progress: Progress | None,
) -> EmbeddedSet:
    blocks = []
    for done in embed_files(exported, uses, paths):
        blocks.append(done.embeddings)
        if progress is not None:
            progress(1)
    identity = exported.identity
    return EmbeddedSet(
        name,
        identity.model,
        identity.weights,
        identity.weights_sha256,
        exported.model.settings_text,
        statistics_of(map(as_scalars, blocks) if takes_scalars(exported.model) else blocks),
        SetCounts.of(uses),
    )
