"""FAD: the Fréchet distance of the two sets' embeddings, all vectors of all files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fad_core.metrics.base import Metric, MetricValue

if TYPE_CHECKING:
    from fad_core.metrics.mean_covariance import Moments
    from fad_core.metrics.statistics import Statistics


def _compute(reference: Statistics | Moments, evaluation: Statistics | Moments) -> MetricValue:
    from fad_core.metrics.frechet import frechet_distance

    distance = frechet_distance(reference, evaluation)
    return MetricValue(distance.value, None, None, distance.note)


FAD = Metric("fad", "Fréchet Audio Distance", symmetric=True, needs="statistics", compute=_compute)
