"""The metrics by name. A new one is a module beside this file and an entry in `METRICS`.

What one computes with is imported when it is computed: a study is read for the names.
"""

from __future__ import annotations

from fad_core.errors import UnknownMetricError
from fad_core.metrics.base import Metric, MetricValue
from fad_core.metrics.fad import FAD

__all__ = ["METRICS", "Metric", "MetricValue", "get_metric"]

METRICS: dict[str, Metric] = {metric.name: metric for metric in (FAD,)}


def get_metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UnknownMetricError: there is none; the message lists those there are.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownMetricError(f"metric {name!r} is not known; there is: {', '.join(METRICS)}") from None
