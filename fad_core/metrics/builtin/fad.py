"""FAD: the Fréchet distance of the two sets' embeddings, all vectors of all files."""

from __future__ import annotations

from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need


def _compute(reference: MetricInput, evaluation: MetricInput) -> MetricValue:
    from fad_core.metrics.frechet import frechet_distance

    distance = frechet_distance(reference.statistics_of(), evaluation.statistics_of())
    return MetricValue(distance.value, note=distance.note)


METRIC = Metric(
    "fad",
    "Fréchet Audio Distance",
    symmetric=True,
    needs=(Need("statistics"),),
    compute=_compute,
    zero_on_itself=True,
)
