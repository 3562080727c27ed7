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
    FileDecision,
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
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend, settings_text
from fad_core.runner.exported import ExportedModel


@dataclass(frozen=True, eq=False)
class Embedded:
    """A data set that is embedded, and how it came about.

    Attributes:
        set: its statistics and identity.
        decisions: what became of every file, sorted by name; none if it was not given as sound.
        ignored: (name, reason) of what is no audio file.
        files: the embeddings, file by file in the order of names, if they were to be kept.
    """

    set: EmbeddedSet
    decisions: Sequence[FileDecision] = ()
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
        use: the model, and how it is used.
        names: of the sets, in order.
        given: those that are embedded already.
        sounds: the others.
        decisions: what becomes of each of their files, sorted by name.
        keep: whether the embeddings are to be kept beside the statistics.
    """

    use: ModelUse
    names: Sequence[str]
    given: Mapping[str, Given | EmbeddedSet]
    sounds: Mapping[str, Sounds]
    decisions: Mapping[str, Sequence[FileDecision]]
    keep: bool = False

    @property
    def count(self) -> int:
        """How many files are to be embedded."""
        return sum(
            decision.status != "excluded" for decisions in self.decisions.values() for decision in decisions
        )

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
        ours, theirs = ((use.model.name, use.options) for use in (self.use, exported.use))
        if ours != theirs:
            raise ValueError(f"scanned for {ours}, to be embedded by {theirs}")
        done = {name: _taken(name, given, exported) for name, given in self.given.items()}
        # One stream: where one set ends, the next one's files are on their way.
        heard = (
            (decision, self.sounds[name].load)
            for name, decisions in self.decisions.items()
            for decision in decisions
        )
        with closing(embed_sounds(exported, heard, workers)) as stream:
            for name, sound in self.sounds.items():
                done[name] = _embed(name, exported, self.decisions[name], sound, stream, self.keep, progress)
        return {name: done[name] for name in self.names}


def scan_sets(
    sources: Mapping[str, Source],
    use: ModelUse,
    backend: Backend | None = None,
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
        use: the model that is to embed them, and how it is used; no weights are needed.
        backend: where it is to run, if that is known: sets that were embedded elsewhere are refused.
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
    # The scan hears float32, so it has nothing to keep for what is read as another type.
    same_type = use.options.dtype == "float32"
    kept = Kept(partial(prepare_waveform, use=use), use.model.sample_rate) if same_type else None
    given: dict[str, Given | EmbeddedSet] = {}
    sounds: dict[str, Sounds] = {}
    for name, source in sources.items():
        found = source if isinstance(source, EmbeddedSet) else given_as(name, source, use, keep=keep)
        if found is None:
            sounds[name] = sounds_of(name, source, kept, policy.leftovers)  # type: ignore[arg-type]
        else:
            given[name] = found
    if to_compare and not all(isinstance(source, EmbeddedSet) for source in sources.values()):
        for name, item in given.items():
            _require_comparable(name, item, use, backend)
    decisions = {
        name: select_files(sound.records(progress, workers), use, policy) for name, sound in sounds.items()
    }
    require_no_problems(
        problem for name, selected in decisions.items() for problem in find_problems(name, selected, policy)
    )
    if to_compare:
        require_scorable((name, use.model.name, use, selected) for name, selected in decisions.items())
    for name, selected in decisions.items():
        require_usable(name, use.model.name, selected)
    return ScannedSets(use, list(sources), given, sounds, decisions, keep)


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
        exported.use,
        exported.backend,
        policy=policy,
        workers=workers,
        keep=keep,
        to_compare=to_compare,
        progress=progress,
    )
    return scanned.embed(exported, workers=workers, progress=progress)


def _require_comparable(
    name: str, given: Given | EmbeddedSet, use: ModelUse, backend: Backend | None
) -> None:
    """Stop where a set that is embedded already cannot be compared with those that are to be."""
    if isinstance(given, EmbeddedSet):
        ours = (use.model.name, settings_text(use.text, backend or Backend()))
        theirs = (given.model, given.settings)
        if ours != theirs:
            raise FadError(
                f"{name} was embedded by {' '.join(theirs)}, the other set is by {' '.join(ours)}: "
                "they cannot be compared"
            )
    elif isinstance(given.statistics, Statistics):
        require_enough(name, use.model.name, given.statistics.n)


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
    decisions: Sequence[FileDecision],
    sound: Sounds,
    stream: Iterator[FileEmbeddings],
    keep: bool,
    progress: Progress | None,
) -> Embedded:
    """Take one set's files from the stream."""
    used = sum(decision.status != "excluded" for decision in decisions)
    files: list[FileEmbeddings] = []
    for done in islice(stream, used):
        files.append(done)
        if progress is not None:
            progress(1)
    statistics = vector_statistics([file.embeddings for file in files], exported.use)
    embedded = _embedded_set(name, exported, statistics, SetCounts.of(decisions, exported.model.sample_rate))
    return Embedded(embedded, decisions, sound.ignored, files if keep else None)


def _embedded_set(
    name: str, exported: ExportedModel, statistics: Statistics, counts: SetCounts, note: str = ""
) -> EmbeddedSet:
    identity = exported.identity
    return EmbeddedSet(
        name,
        identity.model,
        identity.weights,
        identity.weights_sha256,
        exported.key.settings,
        statistics,
        counts,
        "; ".join(part for part in (note, exported.note) if part),
    )
