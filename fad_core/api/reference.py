"""A reference set that many sets are scored against, such as the batches of a training loop."""

from __future__ import annotations

import os
from typing import Any

from fad_core.api.drop_in import FrechetAudioDistance
from fad_core.api.scoring import Score, score_embedded
from fad_core.api.statistics_files import read_statistics
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.inputs import Batch, Source, Waveforms
from fad_core.embedding.named_references import find_reference
from fad_core.embedding.statistics_files import is_statistics_file
from fad_core.errors import ArgumentError, FadError, WeightsError
from fad_core.metrics import choose_metric

__all__ = ["Reference", "reference"]


class Reference:
    """A reference set that is embedded, and the loaded model that embeds what is scored against it.

    Attributes:
        embedded: the reference set.
        model: the model (`fad_core.runner.exported.ExportedModel`).
        metric: name of the metric.

    >>> import fad_core
    >>> reference = fad_core.reference("audio/reference", model="tiny", weights="seeded")
    >>> reference.embedded.statistics_of().n, reference.metric
    (75, 'fad')
    """

    def __init__(
        self,
        embedded: EmbeddedSet,
        frechet: FrechetAudioDistance,
        metric: str = "fad",
        per_file: bool = False,
    ) -> None:
        """Combine a reference set with its model, which is fetched, exported and verified if need be.

        Args:
            embedded: the reference set.
            frechet: the model, and how files are handled.
            metric: name of the metric.
            per_file: whether to score each sound as well.

        Raises:
            UnknownMetricError: there is no such metric.
            FadError: the set is of another model, or the model cannot be fetched, exported or verified.
        """
        self._keep = per_file or choose_metric(metric).metric.needs_vectors_of("evaluation")
        self._per_file = per_file
        self.embedded, self.metric, self._frechet = embedded, metric, frechet
        self.model = frechet.model
        if not embedded.key.matches(self.model.key):
            raise FadError(
                f"{embedded.name} was embedded by {embedded.key}, not by {self.model.key}: they cannot be "
                "compared"
            )

    def __repr__(self) -> str:
        return f"Reference({self.embedded.name!r}, {self.embedded.key}, metric={self.metric!r})"

    def score(
        self, sounds: Source | Batch, sample_rate: int | None = None, *, name: str = "evaluation"
    ) -> Score:
        """Score sounds against the reference. Nothing is printed.

        Args:
            sounds: with a sample rate, a batch of waveforms: an array or tensor (PyTorch) `[B, samples]`, a
                tensor `[B, channels, samples]`, or a list of sounds (`Waveforms`). Tensors may be on any
                device and of 16 bits. Without one, a folder, a glob, a list of files, or another set that
                `FrechetAudioDistance.score` accepts.
            sample_rate: sample rate of the waveforms in Hz; they are resampled if the model has another one.
            name: name of the set in the result.

        Returns:
            The distance: a float with the `row` of the distance table, which has a note if there are few
            vectors, and the decision on each sound (`decisions`), named 0000, 0001, … or by its file. If
            the reference was made with `per_file`, `per_file` has a row for each sound.

        Raises:
            ArgumentError: sounds have no sample rate, or a path has one.
            DatasetError: the set is missing, empty, or gives fewer than 2 vectors.
            BadFilesError: sounds cannot be used, and the settings do not allow excluding them; the message
                lists all.
            FadError: the set is of another model.
            TypeError: the set has another type.

        >>> import fad_core
        >>> reference = fad_core.reference("audio/reference", model="tiny", weights="seeded")
        >>> batch = np.random.default_rng(0).uniform(-0.1, 0.1, (4, 1600))
        >>> value = reference.score(batch, 16000, name="step 100")
        >>> value > 0, value.row["evaluation"], value.row["n_evaluation"]
        (True, 'step 100', 100)
        """
        given: Any = sounds
        if isinstance(given, str | os.PathLike) and sample_rate is not None:
            raise ArgumentError("the sample rate is that of the files: omit it for a path")
        if hasattr(given, "detach") and sample_rate is None:
            raise ArgumentError("a tensor has no sample rate: give that of its sound, in Hz")
        source = given if sample_rate is None else Waveforms(given, sample_rate)
        _, embedded = self._frechet._embedded({name: source}, keep=self._keep)
        return score_embedded(self.embedded, embedded[name], self.metric, self.model, per_file=self._per_file)


def reference(
    source: Source,
    model: str = "",
    weights: str | os.PathLike[str] = "",
    *,
    metric: str = "fad",
    per_file: bool = False,
    **settings: Any,
) -> Reference:
    """Embed a reference set once, for scoring many sets against it.

    Args:
        source: the reference set: a folder, a glob, a list of files, or another set that
            `FrechetAudioDistance.score` accepts; or a file of statistics (.npz, .parquet).
        model: id of the model (`fad models` lists them) or the path of an exported model; "": that of the
            file of statistics, else vggish.
        weights: "official", "seeded", or the path of a checkpoint; "": those that the file of statistics
            names, else official.
        metric: name of the metric.
        per_file: whether to score each sound as well. The reference's vectors are then kept in memory; of a
            file of statistics, which has none, only the Fréchet distances of sounds are known.
        **settings: further arguments of `FrechetAudioDistance`, such as device="cuda" or
            on_short_file="pad".

    Returns:
        The reference, with its model loaded.

    Raises:
        UnknownMetricError: there is no such metric.
        ArgumentError: an argument has no valid value, or arguments contradict each other.
        ModelError: there is no such model.
        WeightsError: the file of statistics names a checkpoint whose path is not given.
        DatasetError: the set is missing, empty, or gives fewer than 2 vectors.
        BadFilesError: files cannot be used, and the settings do not allow excluding them.
        FadError: the set is of another model, or the model cannot be fetched, exported or verified.

    >>> import fad_core
    >>> reference = fad_core.reference("audio/reference", model="tiny", weights="seeded")
    >>> reference.score("audio/generated").row["metric"]
    'fad'
    >>> reference = fad_core.reference("audio/reference", model="tiny", weights="seeded", per_file=True)
    >>> [row["file"] for row in reference.score("audio/generated").per_file]
    ['1.wav', '0.wav', '2.wav']
    """
    keep = per_file or choose_metric(metric).metric.needs_vectors_of("reference")
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else "reference"
    if is_statistics_file(name) and find_reference(name).exists():
        wanted = FrechetAudioDistance(model_name=model, **settings).model_id if model else ""
        source = _stored(name, wanted)
        model, weights = model or source.key.model, weights or _weights_of(source)
    if isinstance(source, EmbeddedSet):
        name = source.name
    frechet = FrechetAudioDistance(model_name=model or "vggish", weights=weights or "official", **settings)
    _, embedded = frechet._embedded({name: source}, keep=keep)
    frechet._load(frames=2)  # here, so that a warning about the model names the caller
    return Reference(embedded[name], frechet, metric, per_file)


def _stored(path: str, model: str) -> EmbeddedSet:
    """Return the set of a model from a file of statistics; without a model, the only one."""
    held = read_statistics(path, [model] if model else [])
    if not held[0].key.weights:
        raise FadError(f"{path}: {held[0].note}, so it cannot be a reference here")
    found = [each for each in held if model in ("", each.key.model)]
    if len(found) != 1:
        names = ", ".join(each.key.model for each in held)
        raise FadError(f"{path} was made with {names}{f', not {model}' if model else ''}: choose a model")
    return found[0]


def _weights_of(stored: EmbeddedSet) -> str:
    weights = stored.key.weights
    if weights not in ("official", "seeded"):
        raise WeightsError(
            f"{stored.name} was made with the weights {weights}: give their path:", [("weights", "FILE")]
        )
    return weights
