"""Score data sets in memory: the steps of the pipeline without its files, with bit-identical results.

    sources → decision on each file → embeddings → statistics → distance

It needs only torch, numpy, scipy, soundfile and resampy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.policy import DEFAULTS, FilePolicy
from fad_core.embedding.distances import distance_row
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.inputs import Progress, Source, Waveforms
from fad_core.embedding.per_file import per_file_rows
from fad_core.embedding.scan_and_embed import ScannedSets, embed_sets, scan_sets
from fad_core.metrics import choose_metric
from fad_core.runner.exported import ExportedModel
from fad_core.tables.schemas import DISTANCES

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EmbeddedSet",
    "FilePolicy",
    "ScannedSets",
    "Score",
    "Source",
    "Waveforms",
    "embed_sets",
    "scan_sets",
    "score",
    "score_embedded",
]


_COUNTS, _NUMBERS = (
    tuple(column.name for column in DISTANCES.columns if column.type == kind) for kind in ("int64", "float64")
)


class Score(float):
    """The distance of two data sets: a float with a record of how it was computed.

    Attributes:
        row: one row of the distance table (`fad_core.tables.schemas.DISTANCES`), its value under "value".
        decisions: the decision on every file (used, padded or excluded), by data set.
        ignored: (name, reason) of files that are not audio, by data set.
        model: the exported model's identity, and where it ran; empty if none was needed.
        per_file: how far each file of the evaluation set is from the reference, the farthest first, if that
            was asked for: rows of `fad_core.tables.schemas.PER_FILE`.

    >>> from fad_core import FrechetAudioDistance
    >>> frechet = FrechetAudioDistance(model_name="tiny", weights="seeded")
    >>> value = frechet.score("audio/reference", "audio/generated")
    >>> isinstance(value, float), value.row["metric"], len(value.decisions["audio/generated"])
    (True, 'fad', 3)
    >>> value.to_dict()["file_uses"][0]["file"]
    '0.wav'
    """

    row: Mapping[str, Any]
    decisions: Mapping[str, Sequence[FileDecision]]
    ignored: Mapping[str, Sequence[tuple[str, str]]]
    model: Mapping[str, Any]
    per_file: Sequence[Mapping[str, Any]]

    def __new__(
        cls,
        row: Mapping[str, Any],
        decisions: Mapping[str, Sequence[FileDecision]] | None = None,
        ignored: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        model: Mapping[str, Any] | None = None,
        per_file: Sequence[Mapping[str, Any]] = (),
    ) -> Self:
        """Create the float from a row of the distance table.

        Args:
            row: the row; its "value" is the float.
            decisions: the decision on every file, by data set; None: of no file.
            ignored: (name, reason) of files that are not audio, by data set; None: of no file.
            model: the exported model's identity; None: not known.
            per_file: rows of single files.
        """
        made = super().__new__(cls, row["value"])
        made.row, made.decisions, made.ignored, made.model = row, decisions or {}, ignored or {}, model or {}
        made.per_file = tuple(per_file)
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return the arguments from which a copy or a pickle is made."""
        return self.row, self.decisions, self.ignored, self.model, self.per_file

    def to_frame(self) -> pd.DataFrame:
        """Return the row as a table of pandas, which must be installed; `pandas.concat` joins several.

        Returns:
            One row with the columns of the table of distances; unknown numbers are missing.

        >>> from fad_core import FrechetAudioDistance
        >>> from fad_core.metrics.statistics import Statistics
        >>> sets = [Statistics.from_embeddings(np.eye(8) * scale) for scale in (1, 2)]
        >>> value = FrechetAudioDistance(model_name="tiny", weights="seeded").score(*sets)
        >>> value.to_frame()[["model", "metric", "n_reference"]].to_dict("records")
        [{'model': 'tiny', 'metric': 'fad', 'n_reference': 8}]
        """
        import pandas as pd

        frame = pd.DataFrame([self.row], columns=list(DISTANCES.names))
        # An unknown number would make a column of objects.
        whole = {name: "Int64" if self.row[name] is None else "int64" for name in _COUNTS}
        return frame.astype({**whole, **dict.fromkeys(_NUMBERS, "float64")})

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON.

        Returns:
            The fields of the row; "model_identity"; under "file_uses" and "ignored" all files,
            and under "per_file" how far they are from the reference, if that was asked for.
        """
        said = ("status", "reason")  # of the decision, and more than the scan's
        files = [
            {
                "dataset": name,
                "status": decision.status,
                "reason": decision.reason,
                "note": "; ".join(remark.text for remark in decision.remarks),
                **{key: held for key, held in asdict(decision.record).items() if key not in said},
            }
            for name, decisions in self.decisions.items()
            for decision in decisions
        ]
        ignored = [
            {"dataset": name, "name": item, "reason": reason}
            for name, items in self.ignored.items()
            for item, reason in items
        ]
        return {
            **self.row,
            "model_identity": dict(self.model),
            "file_uses": files,
            "ignored": ignored,
            "per_file": [dict(row) for row in self.per_file],
        }


def score(
    reference: Source,
    evaluation: Source,
    exported: ExportedModel,
    *,
    metric: str = "fad",
    policy: FilePolicy = DEFAULTS,
    workers: int = 0,
    progress: Progress | None = None,
) -> Score:
    """Score an evaluation set against a reference set.

    Args:
        reference: the reference set: a folder (searched recursively), a glob, a file, a list of files, "@"
            and the path of a list, `Waveforms`, embeddings `[N, D]`, `Statistics`, a file of these (.npy,
            .npz, .parquet), or an `EmbeddedSet`.
        evaluation: the evaluation set: a folder, a glob, a file, a list of files, "@"
            and the path of a list, `Waveforms`, embeddings `[N, D]`, `Statistics`, a file of these (.npy,
            .npz, .parquet), or an `EmbeddedSet`.
        exported: the embedding model. It is not verified here: `fad_core.api.model_cache.verified_model`
            returns a verified one.
        metric: name of the metric, with its options ("kad bandwidth=evaluation").
        policy: how files are handled that cannot, or should not, be embedded unchanged.
        workers: number of threads that load files ahead; 0: none. The result does not depend on it.
        progress: called with the number of files just scanned or embedded: each file counts twice.

    Returns:
        The distance, a float with a record of how it was computed.

    Raises:
        UnknownMetricError: there is no such metric.
        DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
        BadFilesError: files cannot be used, and the policy does not allow excluding them; the message lists
            all.
        AudioError: a file has changed since the scan.
        TypeError: a set has another type.
        FadError: an embedded set is of another model, or the metric needs an output that the model lacks.

    >>> from fad_core.api.model_cache import verified_model
    >>> value = score("audio/reference", "audio/generated", verified_model("tiny", "seeded"))
    >>> value.row["n_reference"], value.row["n_evaluation"]
    (75, 75)
    """
    chosen = choose_metric(metric).metric
    chosen.require_outputs(exported.model.name, exported.model.outputs)
    names = names_of(reference, evaluation)
    embedded = embed_sets(
        dict(zip(names, (reference, evaluation), strict=True)),
        exported,
        policy=policy,
        keep=chosen.needs_vectors,
        workers=workers,
        progress=progress,
    )
    return score_embedded(embedded[names[0]], embedded[names[1]], metric, exported)


def score_embedded(
    reference: EmbeddedSet,
    evaluation: EmbeddedSet,
    metric: str = "fad",
    exported: ExportedModel | None = None,
    *,
    per_file: bool = False,
) -> Score:
    """Score two embedded sets.

    Args:
        reference: the reference set, as `embed_sets` returns it.
        evaluation: the evaluation set, as `embed_sets` returns it.
        metric: name of the metric, with its options ("kad bandwidth=evaluation").
        exported: the model that embedded them, to be named in the result; None: it is not named.
        per_file: whether to score each file of the evaluation set too, whose vectors must have been kept.

    Returns:
        The distance, a float with a record of how it was computed.

    Raises:
        UnknownMetricError: there is no such metric.
        FadError: they were embedded by different models.
        DatasetError: a set has fewer than 2 vectors.
        ValueError: single files are to be scored, but the vectors of the evaluation set were not kept.

    >>> from fad_core.api.scoring import EmbeddedSet
    >>> from fad_core.metrics.statistics import Statistics
    >>> from fad_core.models.use import ModelKey
    >>> key = ModelKey("vggish", "seeded", "00b8a942", "")
    >>> vectors = {"reference": [[0.0], [2.0]], "evaluation": [[3.0], [5.0]]}
    >>> reference, evaluation = (
    ...     EmbeddedSet(name, key, {"embedding": Statistics.from_embeddings(rows)})
    ...     for name, rows in vectors.items()
    ... )
    >>> score_embedded(reference, evaluation)
    9.0
    """
    both = (reference, evaluation)
    return Score(
        distance_row(reference, evaluation, metric),
        {each.name: each.decisions for each in both},
        {each.name: each.ignored for each in both},
        {} if exported is None else {**asdict(exported.identity), "device": exported.device},
        list(per_file_rows(reference, evaluation)) if per_file else (),
    )


def names_of(
    reference: Source, evaluation: Source, others: tuple[str, str] = ("reference", "evaluation")
) -> tuple[str, str]:
    """Return names for two sets, which differ if the sets do."""
    first, second = (
        _source_name(source, other) for source, other in zip((reference, evaluation), others, strict=True)
    )
    paths = all(isinstance(source, str | os.PathLike) for source in (reference, evaluation))
    if first == second and not paths and reference is not evaluation:
        second = f"{second} ({others[1]})"
    return first, second


def _source_name(source: Source, other: str) -> str:
    """Return the default name of a set: its path, its own name, or a fallback."""
    if isinstance(source, EmbeddedSet):
        return source.name
    return os.fspath(source) if isinstance(source, str | os.PathLike) else other
