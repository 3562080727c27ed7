"""Score data sets in memory: the pipeline's steps without its files, and the same value to the last bit.

What every way of giving a set comes to is an `EmbeddedSet` (`fad_core.distances`):

    source → sound → what becomes of each file → embeddings → statistics → distance

Needs torch, numpy, scipy, soundfile and resampy, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fad_core.compatibility import as_scalars, takes_scalars
from fad_core.datasets.counts import SetCounts
from fad_core.datasets.selection import (
    FileUse,
    OnBadFile,
    OnShortFile,
    find_problems,
    require_no_problems,
    require_scorable,
    require_usable,
    select_files,
)
from fad_core.distances import EmbeddedSet, distance_row
from fad_core.embedding import FileEmbeddings, embed_sounds, prepare_waveform
from fad_core.embedding_files import load_embeddings
from fad_core.errors import DatasetError, FadError
from fad_core.exported import ExportedModel
from fad_core.kept import Kept
from fad_core.sources import Progress, Sounds, Source, Waveforms, is_embeddings_file, sounds_of
from fad_core.statistics import Statistics, statistics_of

__all__ = ["Embedded", "Score", "Source", "Waveforms", "embed_set", "embed_sets", "score", "score_embedded"]

GIVEN_NOTE = "given as embeddings or statistics, whose model is taken on trust"


@dataclass(frozen=True, eq=False)
class Embedded:
    """A data set that is embedded, and how it came about.

    Attributes:
        set: its statistics and identity.
        uses: what became of every file, sorted by name; none if it was not given as sound.
        ignored: (name, reason) of what is no audio file.
        files: the embeddings, file by file in the order of names, if they were to be kept.
    """

    set: EmbeddedSet
    uses: Sequence[FileUse] = ()
    ignored: Sequence[tuple[str, str]] = ()
    files: Sequence[FileEmbeddings] | None = None

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """All vectors `[N, D]`, files in the order of their names.

        Raises:
            ValueError: they were not kept.
        """
        if self.files is None:
            raise ValueError(f"the embeddings of {self.set.dataset} were not kept")
        return np.concatenate([file.embeddings for file in self.files])


class Score(float):
    """The distance of two data sets: a float that knows how it came about.

    Attributes:
        row: one row of the distance table (`fad_core.tables.schemas.DISTANCES`), its value under "value".
        uses: what became of every file, by data set.
        ignored: (name, reason) of what is no audio file, by data set.
        model: the exported model's identity, and where it ran; empty if none was needed.
    """

    row: Mapping[str, Any]
    uses: Mapping[str, Sequence[FileUse]]
    ignored: Mapping[str, Sequence[tuple[str, str]]]
    model: Mapping[str, Any]

    def __new__(
        cls,
        row: Mapping[str, Any],
        uses: Mapping[str, Sequence[FileUse]] | None = None,
        ignored: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        model: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make the float that a row of the distance table holds."""
        made = super().__new__(cls, row["value"])
        made.row, made.uses, made.ignored, made.model = row, uses or {}, ignored or {}, model or {}
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """What a copy or a pickle is made from."""
        return self.row, self.uses, self.ignored, self.model

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON: the row, the model, and every file that was heard or not."""
        files = [
            {"dataset": name, "status": use.status, "reason": use.reason, **_record(use)}
            for name, uses in self.uses.items()
            for use in uses
        ]
        ignored = [
            {"dataset": name, "name": item, "reason": reason}
            for name, items in self.ignored.items()
            for item, reason in items
        ]
        return {**self.row, "model_identity": dict(self.model), "file_uses": files, "ignored": ignored}


def score(
    reference: Source,
    evaluation: Source,
    exported: ExportedModel,
    *,
    metric: str = "fad",
    on_bad_file: OnBadFile = "fail",
    on_short_file: OnShortFile = "fail",
    workers: int = 0,
    progress: Progress | None = None,
) -> Score:
    """Score an evaluation set against a reference set.

    Args:
        reference: see `fad_core.sources.Source`.
        evaluation: likewise.
        exported: the embedding model. It is taken as it is: `fad_core.store.verified_model` gives one that
            is verified.
        metric: name of the metric.
        on_bad_file: "fail" before anything is embedded, or "skip" files that cannot be read whole.
        on_short_file: "fail", "skip" or "pad" files below the model's minimum.
        workers: threads that load files ahead (`fad_core.embedding.embed_sounds`).
        progress: called with the number of files just scanned or embedded: each file counts twice.

    Raises:
        DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
        BadFilesError: files cannot be used and no option allows to go on; the message lists them all.
        FadError: a set that is embedded already is so by another model.
    """
    names = names_of(reference, evaluation)
    embedded = embed_sets(
        dict(zip(names, (reference, evaluation), strict=True)),
        exported,
        on_bad_file=on_bad_file,
        on_short_file=on_short_file,
        workers=workers,
        progress=progress,
    )
    return score_embedded(embedded[names[0]], embedded[names[1]], metric, exported)


def score_embedded(
    reference: Embedded, evaluation: Embedded, metric: str = "fad", exported: ExportedModel | None = None
) -> Score:
    """Score two embedded sets.

    Args:
        reference: what `embed_sets` gave.
        evaluation: likewise.
        metric: name of the metric.
        exported: the model that embedded them, to be named in the result.

    Raises:
        FadError: they were embedded by different models.
        DatasetError: a set has fewer than 2 vectors.
    """
    both = {item.set.dataset: item for item in (reference, evaluation)}
    return Score(
        distance_row(reference.set, evaluation.set, metric),
        {name: item.uses for name, item in both.items()},
        {name: item.ignored for name, item in both.items()},
        {} if exported is None else {**asdict(exported.identity), "device": exported.device},
    )


def embed_set(
    source: Source,
    exported: ExportedModel,
    *,
    name: str | None = None,
    on_bad_file: OnBadFile = "fail",
    on_short_file: OnShortFile = "fail",
    workers: int = 0,
    keep: bool = False,
    to_compare: bool = True,
    progress: Progress | None = None,
) -> Embedded:
    """Embed one data set; the arguments are those of `embed_sets`, and `name` is its name there."""
    name = source_name(source, "set") if name is None else name
    embedded = embed_sets(
        {name: source},
        exported,
        on_bad_file=on_bad_file,
        on_short_file=on_short_file,
        workers=workers,
        keep=keep,
        to_compare=to_compare,
        progress=progress,
    )
    return embedded[name]


def embed_sets(
    sources: Mapping[str, Source],
    exported: ExportedModel,
    *,
    on_bad_file: OnBadFile = "fail",
    on_short_file: OnShortFile = "fail",
    workers: int = 0,
    keep: bool = False,
    to_compare: bool = True,
    progress: Progress | None = None,
) -> dict[str, Embedded]:
    """Embed data sets. What is wrong with the files of any of them is said before one is embedded.

    Args:
        sources: the sets by their names.
        exported: the embedding model.
        on_bad_file: "fail", or "skip" files that cannot be read whole.
        on_short_file: "fail", "skip" or "pad" files below the model's minimum.
        workers: threads that load files ahead (`fad_core.embedding.embed_sounds`).
        keep: whether the embeddings are to be kept beside the statistics, where they pass through here.
        to_compare: whether each set must give the two vectors that a distance needs.
        progress: called with the number of files just scanned or embedded: each file counts twice.

    Raises:
        DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
        BadFilesError: files cannot be used and no option allows to go on; the message lists them all.
    """
    model = exported.model
    # The scan hears float32, so it has nothing to keep for what is read as another type.
    same_type = model.settings.dtype == "float32"
    kept = Kept(partial(prepare_waveform, model=model), model.sample_rate) if same_type else None
    done: dict[str, Embedded] = {}
    sounds: dict[str, Sounds] = {}
    for name, source in sources.items():
        given = _given(name, source, exported, keep=keep)
        if given is None:
            sounds[name] = sounds_of(name, source, kept)  # type: ignore[arg-type]
        else:
            done[name] = given
    uses = {
        name: select_files(sound.records(progress, workers), model, on_short_file)
        for name, sound in sounds.items()
    }
    require_no_problems(
        problem
        for name, selected in uses.items()
        for problem in find_problems(name, selected, on_bad_file, on_short_file)
    )
    if to_compare:
        require_scorable((name, model.name, model, selected) for name, selected in uses.items())
    for name, selected in uses.items():
        require_usable(name, model.name, selected)
    # One stream: where one set ends, the next one's files are on their way.
    heard = ((use, sounds[name].load) for name, selected in uses.items() for use in selected)
    with closing(embed_sounds(exported, heard, workers)) as stream:
        for name, sound in sounds.items():
            done[name] = _embed(name, exported, uses[name], sound, stream, keep=keep, progress=progress)
    return {name: done[name] for name in sources}


def names_of(
    reference: Source, evaluation: Source, others: tuple[str, str] = ("reference", "evaluation")
) -> tuple[str, str]:
    """What two sets are called; different ones never the same."""
    first, second = (
        source_name(source, other) for source, other in zip((reference, evaluation), others, strict=True)
    )
    paths = all(isinstance(source, str | os.PathLike) for source in (reference, evaluation))
    if first == second and not paths and reference is not evaluation:
        second = f"{second} ({others[1]})"
    return first, second


def source_name(source: Source, other: str) -> str:
    """What a set is called if its user does not say: its path, its name, or something else."""
    if isinstance(source, EmbeddedSet):
        return source.dataset
    return os.fspath(source) if isinstance(source, str | os.PathLike) else other


def _given(name: str, source: Source, exported: ExportedModel, *, keep: bool) -> Embedded | None:
    """The set, if it is embedded already; None if it is sound."""
    if isinstance(source, EmbeddedSet):
        return Embedded(replace(source, dataset=name))
    if isinstance(source, Statistics):
        return Embedded(_presumed(name, source, exported))
    if is_embeddings_file(source):
        vectors, note = load_embeddings(Path(os.fspath(source)), exported.model)  # type: ignore[arg-type]
    elif isinstance(source, np.ndarray):
        vectors, note = _vectors(name, source), ""
    else:
        return None
    statistics = _statistics([vectors], exported)
    files = [FileEmbeddings(name, np.full(len(vectors), np.nan), vectors)] if keep else None
    return Embedded(_presumed(name, statistics, exported, note), files=files)


def _vectors(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 2 or array.dtype.kind != "f":
        raise DatasetError(
            f"data set {name}: an array of {array.dtype} {array.shape}, where embeddings are floats [N, D]; "
            "sound is given as fad_core.scoring.Waveforms(arrays, sample_rate)"
        )
    return array


def _statistics(blocks: Sequence[NDArray[Any]], exported: ExportedModel) -> Statistics:
    scalars = takes_scalars(exported.model)
    try:
        return statistics_of(map(as_scalars, blocks) if scalars else blocks)
    except ValueError as error:
        raise DatasetError(f"these embeddings cannot be used: {error}") from error


def _presumed(name: str, statistics: Statistics, exported: ExportedModel, note: str = "") -> EmbeddedSet:
    """Statistics that do not say which model they are of, taken for this one's."""
    model = exported.model
    expected = 1 if takes_scalars(model) else model.embedding_dim
    if statistics.dimension != expected:
        raise FadError(
            f"{name} has {statistics.dimension} dimensions, and {model.name} makes {expected}: "
            "it was embedded by another model"
        )
    counts = SetCounts(files=0, padded=0, excluded=0, seconds=0.0)
    return _embedded_set(name, exported, statistics, counts, f"{GIVEN_NOTE}; {note}" if note else GIVEN_NOTE)


def _embed(
    name: str,
    exported: ExportedModel,
    uses: Sequence[FileUse],
    sound: Sounds,
    stream: Iterator[FileEmbeddings],
    *,
    keep: bool,
    progress: Progress | None,
) -> Embedded:
    """Take one set's files from the stream."""
    used = sum(use.status != "excluded" for use in uses)
    blocks: list[NDArray[np.float32]] = []
    files: list[FileEmbeddings] = []
    for done in islice(stream, used):
        blocks.append(done.embeddings)
        files.append(done)
        if progress is not None:
            progress(1)
    embedded = _embedded_set(name, exported, _statistics(blocks, exported), SetCounts.of(uses))
    return Embedded(embedded, uses, sound.ignored, files if keep else None)


def _embedded_set(
    name: str, exported: ExportedModel, statistics: Statistics, counts: SetCounts, note: str = ""
) -> EmbeddedSet:
    identity = exported.identity
    return EmbeddedSet(
        name,
        identity.model,
        identity.weights,
        identity.weights_sha256,
        exported.model.settings_text,
        statistics,
        counts,
        "; ".join(part for part in (note, exported.note) if part),
    )


def _record(use: FileUse) -> dict[str, Any]:
    record = asdict(use.record)
    # Said of the use, and more.
    del record["status"], record["reason"]
    return record
