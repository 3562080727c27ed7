"""Data sets in memory, in two steps: hear what every file holds, which needs no weights, and embed them.

What every way of giving a set comes to is an `EmbeddedSet` (`fad_core.embedding.distances`):

    source → sound → what becomes of each file → embeddings → statistics
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decode_cache import Kept
from fad_core.datasets.policy import DEFAULTS, FilePolicy
from fad_core.datasets.selection import (
    FileUse,
    find_problems,
    require_enough,
    require_no_problems,
    require_scorable,
    require_usable,
    select_files,
)
from fad_core.embedding.distances import EmbeddedSet
from fad_core.embedding.embed import FileEmbeddings, embed_sounds, prepare_waveform
from fad_core.embedding.inputs import Progress, Sounds, Source, sounds_of
from fad_core.embedding.precomputed import Given, given_as, vector_statistics
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import EmbeddingModel
from fad_core.runner.exported import ExportedModel
from fad_core.util.memory import share_memory


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


@dataclass(frozen=True, eq=False)
class ScannedSets:
    """Data sets that a model can embed: every file was heard, and none stands in the way.

    Attributes:
        model: the model.
        names: of the sets, in order.
        given: those that are embedded already.
        sounds: the others.
        uses: what becomes of each of their files, sorted by name.
        keep: whether the embeddings are to be kept beside the statistics.
    """

    model: EmbeddingModel
    names: Sequence[str]
    given: Mapping[str, Given | EmbeddedSet]
    sounds: Mapping[str, Sounds]
    uses: Mapping[str, Sequence[FileUse]]
    keep: bool = False

    @property
    def count(self) -> int:
        """How many files are to be embedded."""
        return sum(use.status != "excluded" for uses in self.uses.values() for use in uses)

    def embed(
        self, exported: ExportedModel, *, workers: int = 0, progress: Progress | None = None
    ) -> dict[str, Embedded]:
        """Embed them. What the scan has kept of their sound is let go; a second time, files are read again.

        Args:
            exported: the model they were scanned for.
            workers: threads that load files ahead (`fad_core.embedding.embed.embed_sounds`).
            progress: called with the number of files just embedded.

        Raises:
            ValueError: it is another model, or is used in another way.
            AudioError: a file has changed since the scan.
        """
        ours, theirs = ((model.name, model.settings) for model in (self.model, exported.model))
        if ours != theirs:
            raise ValueError(f"scanned for {ours}, to be embedded by {theirs}")
        done = {name: _taken(name, given, exported) for name, given in self.given.items()}
        # One stream: where one set ends, the next one's files are on their way.
        heard = ((use, self.sounds[name].load) for name, uses in self.uses.items() for use in uses)
        with closing(embed_sounds(exported, heard, workers)) as stream:
            for name, sound in self.sounds.items():
                done[name] = _embed(name, exported, self.uses[name], sound, stream, self.keep, progress)
        return {name: done[name] for name in self.names}


def scan_sets(
    sources: Mapping[str, Source],
    model: EmbeddingModel,
    *,
    policy: FilePolicy = DEFAULTS,
    workers: int = 0,
    keep: bool = False,
    to_compare: bool = True,
    progress: Progress | None = None,
) -> ScannedSets:
    """Hear data sets, and say what is wrong with any of their files.

    Args:
        sources: the sets by their names.
        model: that is to embed them, as `fad_core.runner.exported.describe_model` gives it for the device,
            settings and batch size to come: no weights are needed.
        policy: what becomes of files that cannot, or should not, be embedded as they are.
        workers: threads that load files ahead.
        keep: whether the embeddings are to be kept beside the statistics, where they pass through here.
        to_compare: whether each set must give the two vectors that a distance needs.
        progress: called with the number of files just scanned.

    Raises:
        DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
        BadFilesError: files cannot be used and no option allows to go on; the message lists them all.
        FadError: a set that is embedded already is so by another model, as far as that is known.
    """
    share_memory()
    # The scan hears float32, so it has nothing to keep for what is read as another type.
    same_type = model.settings.dtype == "float32"
    kept = Kept(partial(prepare_waveform, model=model), model.sample_rate) if same_type else None
    given: dict[str, Given | EmbeddedSet] = {}
    sounds: dict[str, Sounds] = {}
    for name, source in sources.items():
        found = source if isinstance(source, EmbeddedSet) else given_as(name, source, model, keep=keep)
        if found is None:
            sounds[name] = sounds_of(name, source, kept, policy.leftovers)  # type: ignore[arg-type]
        else:
            given[name] = found
    if to_compare and not all(isinstance(source, EmbeddedSet) for source in sources.values()):
        for name, item in given.items():
            _require_comparable(name, item, model)
    uses = {
        name: select_files(sound.records(progress, workers), model, policy) for name, sound in sounds.items()
    }
    require_no_problems(
        problem for name, selected in uses.items() for problem in find_problems(name, selected, policy)
    )
    if to_compare:
        require_scorable((name, model.name, model, selected) for name, selected in uses.items())
    for name, selected in uses.items():
        require_usable(name, model.name, selected)
    return ScannedSets(model, list(sources), given, sounds, uses, keep)


def embed_sets(
    sources: Mapping[str, Source],
    exported: ExportedModel,
    *,
    policy: FilePolicy = DEFAULTS,
    workers: int = 0,
    keep: bool = False,
    to_compare: bool = True,
    progress: Progress | None = None,
) -> dict[str, Embedded]:
    """Embed data sets. What is wrong with the files of any of them is said before one is embedded.

    The arguments, and what is raised, are those of `scan_sets` and `ScannedSets.embed`; for `progress` each
    file counts twice, when it was scanned and when it is embedded.
    """
    scanned = scan_sets(
        sources,
        exported.model,
        policy=policy,
        workers=workers,
        keep=keep,
        to_compare=to_compare,
        progress=progress,
    )
    return scanned.embed(exported, workers=workers, progress=progress)


def _require_comparable(name: str, given: Given | EmbeddedSet, model: EmbeddingModel) -> None:
    """Stop where a set that is embedded already will not do beside those that are to be."""
    if isinstance(given, EmbeddedSet):
        ours, theirs = (model.name, model.settings_text), (given.model, given.settings)
        if ours != theirs:
            raise FadError(
                f"{name} is embedded by {' '.join(theirs)}, what is beside it by {' '.join(ours)}: "
                "their distance means nothing"
            )
    elif isinstance(given.statistics, Statistics):
        require_enough(name, model.name, given.statistics.n)


def _taken(name: str, given: Given | EmbeddedSet, exported: ExportedModel) -> Embedded:
    """A set that is embedded already."""
    if isinstance(given, EmbeddedSet):
        return Embedded(replace(given, dataset=name))
    files = None
    if given.vectors is not None:
        files = [FileEmbeddings(name, np.full(len(given.vectors), np.nan), given.vectors)]
    counts = SetCounts(files=0, padded=0, excluded=0, seconds=0.0)
    return Embedded(_embedded_set(name, exported, given.statistics, counts, given.note), files=files)


def _embed(
    name: str,
    exported: ExportedModel,
    uses: Sequence[FileUse],
    sound: Sounds,
    stream: Iterator[FileEmbeddings],
    keep: bool,
    progress: Progress | None,
) -> Embedded:
    """Take one set's files from the stream."""
    used = sum(use.status != "excluded" for use in uses)
    files: list[FileEmbeddings] = []
    for done in islice(stream, used):
        files.append(done)
        if progress is not None:
            progress(1)
    statistics = vector_statistics([file.embeddings for file in files], exported.model)
    embedded = _embedded_set(name, exported, statistics, SetCounts.of(uses, exported.model.sample_rate))
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
