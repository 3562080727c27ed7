"""Embedded data sets, and the rows of the distance table that pairs of them give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import require_enough
from fad_core.datasets.remarks import pair_notes, set_notes
from fad_core.errors import FadError
from fad_core.metrics import get_metric
from fad_core.metrics.mean_covariance import Moments
from fad_core.metrics.statistics import Statistics

__all__ = ["SEEDED_NOTE", "EmbeddedSet", "SetCounts", "distance_row"]

SCALAR_NOTE = (
    "of scalars, as frechet-audio-distance takes these vectors (its issue 37): no FAD in D dimensions"
)
SEEDED_NOTE = "seeded weights: not a published model, not comparable with published values"


@dataclass(frozen=True)
class EmbeddedSet:
    """What is known of a data set once it is embedded.

    Attributes:
        dataset: its name.
        model: the model's name in the study.
        weights: "official", "seeded" or the name of the user's file.
        weights_sha256: of the checkpoint that names the weights.
        settings: how the model was used (`EmbeddingModel.settings_text`).
        statistics: of all its vectors; their mean and covariance, where that is all that is known.
        counts: what became of its files; None if that is not known.
        note: what a reader of its distances should know of it; empty if nothing.
    """

    dataset: str
    model: str
    weights: str
    weights_sha256: str
    settings: str
    statistics: Statistics | Moments
    counts: SetCounts | None
    note: str = ""


def distance_row(reference: EmbeddedSet, evaluation: EmbeddedSet, metric: str) -> dict[str, Any]:
    """Compare two embedded sets: one row of the distance table (see `fad_core.tables.schemas.DISTANCES`).

    Where a set is known by its mean and covariance alone, its counts and those of both together are None
    (see `fad_core.tables.schemas.COMPARISONS`).

    Raises:
        FadError: the sets were embedded by different models, weights or settings.
        DatasetError: a set has fewer than 2 vectors.
    """
    ours, theirs = ((s.model, s.weights, s.weights_sha256, s.settings) for s in (reference, evaluation))
    if ours != theirs:
        raise FadError(
            f"{reference.dataset} is embedded by {' '.join(ours)}, "
            f"{evaluation.dataset} by {' '.join(theirs)}: their distance means nothing"
        )
    for embedded in (reference, evaluation):
        if embedded.statistics.n is not None:
            require_enough(embedded.dataset, embedded.model, embedded.statistics.n)
    result = get_metric(metric).compute(reference.statistics, evaluation.statistics)
    notes = [
        result.note,
        SCALAR_NOTE if reference.statistics.dimension == 1 else "",
        SEEDED_NOTE if reference.weights == "seeded" else "",
        *_notes(reference, evaluation),
    ]
    return {
        "model": reference.model,
        "weights": reference.weights,
        "weights_sha256": reference.weights_sha256,
        "settings": reference.settings,
        "reference": reference.dataset,
        "evaluation": evaluation.dataset,
        "metric": metric,
        "value": result.value,
        "ci_low": result.ci_low,
        "ci_high": result.ci_high,
        "n_reference": reference.statistics.n,
        "n_evaluation": evaluation.statistics.n,
        **_counts(reference, evaluation),
        "note": "; ".join(note for note in notes if note),
    }


def _notes(reference: EmbeddedSet, evaluation: EmbeddedSet) -> list[str]:
    """What is to be known of the sets: said once if it is the same of both, and else of whom."""
    both = (reference, evaluation)
    counts = [item.counts for item in both if item.counts is not None]
    alike = reference.note == evaluation.note
    notes = [reference.note] if alike else []
    for item in both if reference.dataset != evaluation.dataset else both[:1]:
        own = [] if alike else [note for note in item.note.split("; ") if note]
        own += set_notes(item.counts) if item.counts else []
        # A name may hold what divides notes.
        notes += [f"{item.dataset.replace(';', ',')}: {note}" for note in own]
    if len(counts) == 2:
        notes += pair_notes(*counts)
    return notes


def _counts(reference: EmbeddedSet, evaluation: EmbeddedSet) -> dict[str, int | None]:
    if reference.counts is None or evaluation.counts is None:
        return dict.fromkeys(("files", "excluded", "padded"))
    both = SetCounts.total([reference.counts, evaluation.counts])
    return {"files": both.files, "excluded": both.excluded, "padded": both.padded}
