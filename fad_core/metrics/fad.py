"""FAD: the Fréchet distance of the two sets' embeddings, all vectors of all files."""

from __future__ import annotations

from fad_core.frechet import frechet_distance
from fad_core.metrics.base import Metric, MetricValue
from fad_core.moments import Moments
from fad_core.statistics import Statistics


def _compute(reference: Statistics | Moments, evaluation: Statistics | Moments) -> MetricValue:
    distance = frechet_distance(reference, evaluation)
    return MetricValue(distance.value, None, None, distance.note)


FAD = Metric("fad", "Fréchet Audio Distance", symmetric=True, needs="statistics", compute=_compute)
