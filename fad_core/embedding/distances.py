"""Rows of the distance table from pairs of embedded data sets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import require_enough
from fad_core.datasets.remarks import pair_notes, set_notes, size_notes
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import FadError
from fad_core.metrics import choose_metric
from fad_core.metrics.base import ROLES, Metric, MetricValue, Need
from fad_core.models.use import ModelKey

SCALAR_NOTE = (
    "a distance of scalars, as frechet-audio-distance computes it from these vectors (its issue 37), not a "
    "FAD in D dimensions"
)
SEEDED_NOTE = "seeded weights: not a published model, not comparable with published values"


def distance_row(
    reference: EmbeddedSet, evaluation: EmbeddedSet, metric: str, *, partial: bool = False
) -> dict[str, Any]:
    """Compare two embedded sets; `scored_row` without the value itself. Arguments and errors are the same.

    Args:
        reference: one set.
        evaluation: the other.
        metric: name of the metric, with its options.
        partial: whether a metric without a value for these sets gives a row without one.

    Raises:
        FadError: see `scored_row`.
    """
    return scored_row(reference, evaluation, metric, partial=partial)[0]


def scored_row(
    reference: EmbeddedSet, evaluation: EmbeddedSet, metric: str, *, partial: bool = False
) -> tuple[dict[str, Any], MetricValue | None]:
    """Compare two embedded sets: one row of the distance table (see `fad_core.tables.schemas.DISTANCES`).

    If only the mean and covariance of a set are known, its counts and the totals are None.

    Args:
        reference: one set.
        evaluation: the other.
        metric: name of the metric, with its options (`fad_core.metrics.choose_metric`).
        partial: whether a metric that has no value for these sets gives a row without one, whose note has the
            reason, so that other metrics are not lost with it.

    Returns:
        The row, and the value with what comparing systems uses; None if the row has no value.

    Raises:
        FadError: the sets were embedded by different models, weights or settings, or the metric needs vectors
            but only statistics are available, or an output that the model does not have, or it has no value
            for these sets and the row must not be partial.
        DatasetError: a set has fewer than 2 vectors.
        UnknownMetricError: there is no such metric.
        ConfigError: the metric has no such option, or the option no such value.
    """
    if not reference.key.matches(evaluation.key):
        raise FadError(
            f"{reference.name} was embedded by {reference.key}, {evaluation.name} by {evaluation.key}: "
            "they cannot be compared"
        )
    computed, both = choose_metric(metric), (reference, evaluation)
    chosen = computed.metric
    for each in both:
        if (n := each.statistics_of().n) is not None:
            require_enough(each.name, each.key.model, n)
    for role, each in zip(ROLES, both, strict=True):
        chosen.require_outputs(each.key.model, each.statistics, role)
    for need in chosen.needs:
        _require(need, chosen, both)
    result, reason = None, ""
    try:
        result = computed.compute(reference, evaluation)
    except ValueError as error:
        if not partial:
            if isinstance(error, FadError):
                raise
            raise FadError(f"{chosen.name} of {reference.name} and {evaluation.name}: {error}") from error
        reason = f"no value: {str(error).replace(';', ',')}"
    main = [each.statistics_of() for each in both]
    notes = [
        result.note if result else reason,
        SCALAR_NOTE if main[0].dimension == 1 and _imitates(reference.key) else "",
        SEEDED_NOTE if reference.key.weights == "seeded" else "",
        *_notes(reference, evaluation),
    ]
    row = {
        **asdict(max(reference.key, evaluation.key, key=lambda key: len(key.weights_sha256))),
        "reference": reference.name,
        "evaluation": evaluation.name,
        "metric": chosen.name,
        "metric_settings": computed.settings,
        "value": result and result.value,
        "bias": result and result.bias,
        "corrected": result and result.corrected,
        "ci_low": result and result.ci_low,
        "ci_high": result and result.ci_high,
        "n_reference": main[0].n,
        "n_evaluation": main[1].n,
        **_counts(reference, evaluation),
        "note": "; ".join(note for note in notes if note),
    }
    return row, result


def _imitates(key: ModelKey) -> bool:
    """Return whether known faults of the original package were reproduced.

    Vectors of one dimension are then scalars (`fad_core.models.use.ModelUse.takes_scalars`); otherwise they
    are of a model that gives such vectors.
    """
    return "compatibility=frechet-audio-distance" in key.settings.split()


def _require(need: Need, metric: Metric, sets: tuple[EmbeddedSet, EmbeddedSet]) -> None:
    """Check that both sets have the data that a metric needs."""
    for role, each in zip(ROLES, sets, strict=True):
        if need.what == "vectors" and need.role in ("", role) and each.embeddings is None:
            raise FadError(
                f"{metric.name} needs the vectors of {each.name}, but only its statistics are available"
            )


def _notes(reference: EmbeddedSet, evaluation: EmbeddedSet) -> list[str]:
    """Return the notes on the sets: once if they are the same for both, else with the name of the set."""
    both = (reference, evaluation)
    counts = [item.counts for item in both if item.counts is not None]
    alike = reference.note == evaluation.note
    notes = [reference.note] if alike else []
    for item in both if reference.name != evaluation.name else both[:1]:
        own = [] if alike else [note for note in item.note.split("; ") if note]
        own += set_notes(item.counts, item.key.settings) if item.counts else []
        # A name may hold what divides notes.
        notes += [f"{item.name.replace(';', ',')}: {note}" for note in own]
    if len(counts) == 2:
        notes += pair_notes(*counts)
    vectors = [n for item in both if (n := item.statistics_of().n) is not None]
    return notes + size_notes([each.files for each in counts], vectors)


def _counts(reference: EmbeddedSet, evaluation: EmbeddedSet) -> dict[str, int | None]:
    if reference.counts is None or evaluation.counts is None:
        return dict.fromkeys(("files", "excluded", "padded"))
    both = SetCounts.total([reference.counts, evaluation.counts])
    return {"files": both.files, "excluded": both.excluded, "padded": both.padded}
