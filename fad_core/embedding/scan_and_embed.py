"""Embed data sets in memory in two steps: scan all files, which needs no weights, then embed them.

What every way of giving a set comes to is an `EmbeddedSet` (`fad_core.embedding.embedded_set`):

    source → sound → what becomes of each file → embeddings → statistics
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import (
    FileDecision,
    require_allowed,
    require_enough,
    require_vectors,
    select_files,
)
from fad_core.datasets.decode_cache import DecodedAudioCache
from fad_core.datasets.policy import DEFAULTS, FilePolicy
from fad_core.embedding.cached import embed_cached
from fad_core.embedding.embed import prepare_waveform
from fad_core.embedding.embedded_set import EmbeddedSet, FileEmbeddings
from fad_core.embedding.embedding_cache import EmbeddingCache
from fad_core.embedding.inputs import Progress, Sounds, Source, sounds_of
from fad_core.embedding.precomputed import file_statistics, precomputed_set
from fad_core.errors import DatasetError, FadError
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.backend import Backend, settings_text
from fad_core.runner.exported import ExportedModel


@dataclass(frozen=True, eq=False)
class ScannedSets:
    """Data sets that a model can embed: every file has been scanned and decided on.

    Attributes:
        use: the model, and how it is used.
        sets: the sets by name: embedded ones, and the audio of the others.
        decisions: the decision on each file of the others, sorted by name.
        keep: whether the embeddings are stored in addition to the statistics.

    >>> from fad_core.api.model_cache import verified_model
    >>> from fad_core.api.scoring import scan_sets
    >>> exported = verified_model("tiny", "seeded")
    >>> scanned = scan_sets({"reference": "audio/reference"}, exported.use)
    >>> scanned.count, scanned.embed(exported)["reference"].statistics_of().n
    (3, 75)
    """

    use: ModelUse
    sets: Mapping[str, EmbeddedSet | Sounds]
    decisions: Mapping[str, Sequence[FileDecision]]
    keep: bool

    @property
    def count(self) -> int:
        """How many files are to be embedded."""
        return sum(
            decision.status != "excluded" for decisions in self.decisions.values() for decision in decisions
        )

    def require_key(self, key: ModelKey) -> None:
        """Require that the embedded sets are of a model, with these weights and settings.

        Args:
            key: the key of the model; of weights that are not fetched yet, with the first digits of the hash.

        Raises:
            FadError: a set is of another model.

        >>> from fad_core.api.scoring import scan_sets
        >>> from fad_core.models import get_model
        >>> from fad_core.models.use import ModelKey, ModelUse
        >>> scanned = scan_sets({"reference": "audio/reference"}, ModelUse(get_model("tiny")))
        >>> scanned.require_key(ModelKey("tiny", "seeded", "", ""))
        """
        for name, item in self.sets.items():
            if isinstance(item, EmbeddedSet) and not item.model_is_assumed:
                theirs = item.key
                if theirs.weights_sha256.startswith(key.weights_sha256):
                    theirs = replace(theirs, weights_sha256=key.weights_sha256)
                if theirs != key:
                    raise FadError(
                        f"{name} was embedded by {item.key}, the other set is to be embedded by {key}: they "
                        "cannot be compared"
                    )

    def embed(
        self,
        exported: ExportedModel,
        *,
        workers: int = 0,
        progress: Progress | None = None,
        cache: EmbeddingCache | None = None,
    ) -> dict[str, EmbeddedSet]:
        """Embed the sets. Audio cached by the scan is released; a second call reads the files again.

        Args:
            exported: the model they were scanned for.
            workers: number of threads that load files ahead; 0: none. The result does not depend on it.
            progress: called with the number of files just embedded.
            cache: cache of the model's embeddings (`fad_core.embedding.cached.cache_of`); None: all files are
                embedded.

        Returns:
            The embedded sets by their names.

        Raises:
            ValueError: it is another model, or is used in another way.
            FadError: a set was embedded with other weights than those that are to be embedded now.
            AudioError: a file has changed since the scan.
        """
        ours, theirs = ((use.model.name, use.options) for use in (self.use, exported.use))
        if ours != theirs:
            raise ValueError(f"scanned for {ours}, but to be embedded by {theirs}")
        if self.decisions:
            self.require_key(exported.key)
        # One stream: where one set ends, the next one's files are on their way.
        decided = (
            (decision, item.load)
            for name, item in self.sets.items()
            if not isinstance(item, EmbeddedSet)
            for decision in self.decisions[name]
        )
        with closing(embed_cached(exported, decided, workers, cache)) as stream:
            return {
                name: _named(name, item, exported.key, exported.note)
                if isinstance(item, EmbeddedSet)
                else self._take(stream, name, exported, progress)
                for name, item in self.sets.items()
            }

    def embedded(self, key: ModelKey, note: str) -> dict[str, EmbeddedSet]:
        """Return the sets if none is to be embedded: all were given as vectors, statistics or embedded sets.

        Args:
            key: the key of the model that vectors and statistics are assumed to be of.
            note: note for readers of the model's results.

        Returns:
            The embedded sets by their names.

        Raises:
            ValueError: a set is to be embedded.

        >>> from fad_core.api.scoring import scan_sets
        >>> from fad_core.metrics.statistics import Statistics
        >>> from fad_core.models import get_model
        >>> from fad_core.models.use import ModelKey, ModelUse
        >>> statistics = Statistics.from_embeddings(np.eye(8))
        >>> scanned = scan_sets({"reference": statistics}, ModelUse(get_model("tiny")))
        >>> scanned.embedded(ModelKey("tiny", "seeded", "", ""), "")["reference"].key.weights
        'seeded'
        """
        given = {name: item for name, item in self.sets.items() if isinstance(item, EmbeddedSet)}
        if len(given) < len(self.sets):
            raise ValueError(f"{', '.join(self.decisions)} must be embedded")
        return {name: _named(name, item, key, note) for name, item in given.items()}

    def _take(
        self, stream: Iterator[FileEmbeddings], name: str, exported: ExportedModel, progress: Progress | None
    ) -> EmbeddedSet:
        """Take one set's files from the stream."""
        decisions = self.decisions[name]
        files: list[FileEmbeddings] = []
        for done in islice(stream, sum(decision.status != "excluded" for decision in decisions)):
            files.append(done)
            if progress is not None:
                progress(1)
        return EmbeddedSet(
            name,
            exported.key,
            {
                output: file_statistics(
                    ((each.file, each.vectors[output]) for each in files),
                    [each.file for each in files],
                    scalars=exported.use.takes_scalars,
                )
                for output in exported.model.outputs
            },
            SetCounts.of(decisions, exported.model.sample_rate),
            identity=asdict(exported.identity),
            decisions=decisions,
            ignored=self.sets[name].ignored,
            embeddings=files if self.keep else None,
            note=exported.note,
        )


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
    """Scan data sets and report every unusable file.

    Args:
        sources: the sets by their names; each is a folder, a glob, a file, a list of files, "@" and the path
            of a list, `Waveforms`, embeddings `[N, D]`, `Statistics`, a file of these (.npy, .npz, .parquet),
            or an `EmbeddedSet`.
        use: the model that is to embed them, with its options; no weights are needed.
        backend: where it is to run, if that is known: sets that were embedded elsewhere are refused.
        policy: how to treat files that cannot, or should not, be embedded as they are.
        workers: number of threads that load files ahead; 0: none. The result does not depend on it.
        keep: whether the embeddings are stored in addition to the statistics, for sets that are embedded now.
        to_compare: whether each set must give the two vectors that a distance needs.
        progress: called with the number of files just scanned.

    Returns:
        The sets with the decision on each of their files, ready to be embedded.

    Raises:
        DatasetError: sets are missing or empty (the message lists all), or one gives fewer than 2 vectors.
        BadFilesError: files cannot be used, and the policy does not exclude them; the message lists all.
        FadError: an embedded set is of another model, as far as is known.
        TypeError: a set has another type.

    >>> from fad_core.models import get_model
    >>> from fad_core.models.use import ModelKey, ModelUse
    >>> scanned = scan_sets({"reference": "audio/reference"}, ModelUse(get_model("tiny")))
    >>> [decision.status for decision in scanned.decisions["reference"]]
    ['used', 'used', 'used']
    """
    # The scan reads float32, so its cache cannot serve a load as another type.
    same_type = use.options.dtype == "float32"
    prepare = partial(prepare_waveform, use=use)
    cache = DecodedAudioCache(prepare, use.model.sample_rate) if same_type else None
    sets: dict[str, EmbeddedSet | Sounds] = {}
    faults: list[str] = []
    for name, source in sources.items():
        try:
            given = (
                source if isinstance(source, EmbeddedSet) else precomputed_set(name, source, use, keep=keep)
            )
            sets[name] = given or sounds_of(name, source, cache, policy.leftovers)  # type: ignore[arg-type]
        except DatasetError as error:
            faults.append(error.message)
    if faults:
        raise DatasetError("\n".join(faults))
    if to_compare and not all(isinstance(source, EmbeddedSet) for source in sources.values()):
        for name, item in sets.items():
            if isinstance(item, EmbeddedSet):
                _require_comparable(name, item, use, backend)
    measured = use.options.loudness is not None
    decisions = {
        name: select_files(item.records(progress, workers, loudness=measured), use, policy)
        for name, item in sets.items()
        if not isinstance(item, EmbeddedSet)
    }
    require_allowed(decisions.items(), policy)
    selected = ((name, use.model.name, use, items) for name, items in decisions.items())
    require_vectors(selected, to_compare=to_compare)
    return ScannedSets(use, sets, decisions, keep)


def embed_sets(
    sources: Mapping[str, Source],
    exported: ExportedModel,
    *,
    policy: FilePolicy = DEFAULTS,
    workers: int = 0,
    keep: bool = False,
    to_compare: bool = True,
    progress: Progress | None = None,
    cache: EmbeddingCache | None = None,
) -> dict[str, EmbeddedSet]:
    """Embed data sets. Every unusable file of all sets is reported before any file is embedded.

    Args:
        sources: the sets by their names; each is a folder, a glob, a file, a list of files, "@" and the path
            of a list, `Waveforms`, embeddings `[N, D]`, `Statistics`, a file of these (.npy, .npz, .parquet),
            or an `EmbeddedSet`.
        exported: the embedding model.
        policy: how to treat files that cannot, or should not, be embedded as they are.
        workers: number of threads that load files ahead; 0: none. The result does not depend on it.
        keep: whether the embeddings are stored in addition to the statistics, for sets that are embedded now.
        to_compare: whether each set must give the two vectors that a distance needs.
        progress: called with the number of files just scanned or embedded: each file counts twice.
        cache: cache of the model's embeddings (`fad_core.embedding.cached.cache_of`); None: all files are
            embedded.

    Returns:
        The embedded sets by their names.

    Raises:
        DatasetError: sets are missing or empty (the message lists all), or one gives fewer than 2 vectors.
        BadFilesError: files cannot be used, and the policy does not exclude them; the message lists all.
        AudioError: a file has changed since the scan.
        FadError: an embedded set is of another model, as far as is known.
        TypeError: a set has another type.

    >>> from fad_core.api.model_cache import verified_model
    >>> sources = {"reference": "audio/reference", "generated": "audio/generated"}
    >>> sets = embed_sets(sources, verified_model("tiny", "seeded"), keep=True)
    >>> sets["reference"].vectors_of().vectors.shape
    (75, 8)
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
    return scanned.embed(exported, workers=workers, progress=progress, cache=cache)


def _require_comparable(name: str, given: EmbeddedSet, use: ModelUse, backend: Backend | None) -> None:
    """Raise an error if an embedded set cannot be compared with those that are still to be embedded."""
    if not given.model_is_assumed:
        ours = (use.model.name, settings_text(use.text, backend or Backend()))
        theirs = (given.key.model, given.key.settings)
        if ours != theirs:
            raise FadError(
                f"{name} was embedded by {' '.join(theirs)}, the other set by {' '.join(ours)}: "
                "they cannot be compared"
            )
    elif isinstance(statistics := given.statistics_of(), Statistics):
        require_enough(name, use.model.name, statistics.n)


def _named(name: str, given: EmbeddedSet, key: ModelKey, note: str) -> EmbeddedSet:
    """Return an embedded set under a new name; vectors are assumed to be of the model with this key."""
    if not given.model_is_assumed:
        return replace(given, name=name)
    return replace(given.noted(note), name=name, key=key)
