"""The metrics by name. A new one is a module beside this file and a line of `METRICS`, or is registered.

What a metric computes with is imported when it is computed: a study is read for the names.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from fad_core.errors import ArgumentError, UnknownMetricError
from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need, SetVectors
from fad_core.metrics.fad import FAD

__all__ = [
    "METRICS",
    "Metric",
    "MetricInput",
    "MetricValue",
    "Need",
    "SetVectors",
    "get_metric",
    "register_metric",
]

METRICS: dict[str, Metric] = {metric.name: metric for metric in (FAD,)}

ENTRY_POINTS = "fad_core.metrics"
"""Group of the entry points by which an installed package gives metrics to every process: each is a `Metric`
under its own name."""


def register_metric(metric: Metric) -> None:
    """Make a metric known in this process, so that `score` and `get_metric` take it by its name.

    The command and the pipeline run in processes of their own; for them a package names its metrics as entry
    points of the group "fad_core.metrics".

    Args:
        metric: the metric.

    Raises:
        ArgumentError: there is another one of that name.
    """
    if METRICS.setdefault(metric.name, metric) is not metric:
        raise ArgumentError(f"there is a metric {metric.name!r} already: choose another name")


def get_metric(name: str) -> Metric:
    """The metric of that name.

    Args:
        name: of one that is built in, registered, or an entry point.

    Raises:
        UnknownMetricError: there is none; the message lists those there are.

    >>> get_metric("fad").title
    'Fréchet Audio Distance'
    """
    if name not in METRICS:
        for entry in entry_points(group=ENTRY_POINTS, name=name):
            register_metric(entry.load())
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownMetricError(f"metric {name!r} is not known; there is: {', '.join(METRICS)}") from None
