"""The metrics by name. Add one as a module here and its name in `BUILT_IN`, or register it.

The module of a metric is imported when the metric is asked for. An edit of it re-runs only steps that use it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from fad_core.errors import ArgumentError, UnknownMetricError
from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need, SetVectors

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

BUILT_IN = ("fad",)
"""Names of the metrics of this package. Each is the `METRIC` of the module of its name here."""

METRICS: dict[str, Metric] = {}
"""The metrics that have been asked for or registered, by their names."""

ENTRY_POINTS = "fad_core.metrics"
"""Group of the entry points by which an installed package gives metrics to every process: each is a `Metric`
under its own name."""


def register_metric(metric: Metric) -> None:
    """Register a metric in this process, so that `score` and `get_metric` find it by its name.

    The command and the pipeline run in separate processes; for them a package names its metrics as entry
    points of the group "fad_core.metrics".

    Args:
        metric: the metric.

    Raises:
        ArgumentError: another metric has that name.

    >>> from fad_core.metrics import Metric, MetricValue, Need
    >>> def shift(reference, evaluation):
    ...     means = (each.statistics_of().mean for each in (reference, evaluation))
    ...     return MetricValue(float(abs(next(means) - next(means)).max()))
    >>> needs = (Need("statistics"),)
    >>> register_metric(Metric("example_shift", "Largest shift of a mean", True, needs, shift))
    >>> get_metric("example_shift").title
    'Largest shift of a mean'
    """
    if metric.name in BUILT_IN or METRICS.setdefault(metric.name, metric) is not metric:
        raise ArgumentError(f"a metric {metric.name!r} exists already: choose another name")


def get_metric(name: str) -> Metric:
    """Return the metric of a name.

    Args:
        name: name of a metric that is built in, registered, or an entry point.

    Raises:
        UnknownMetricError: there is no such metric; the message lists the known ones.

    >>> get_metric("fad").title
    'Fréchet Audio Distance'
    """
    if name in BUILT_IN and name not in METRICS:
        METRICS[name] = import_module(f"{__name__}.{name}").METRIC
    if name not in METRICS:
        for entry in entry_points(group=ENTRY_POINTS, name=name):
            register_metric(entry.load())
    try:
        return METRICS[name]
    except KeyError:
        known = dict.fromkeys([*BUILT_IN, *METRICS])
        raise UnknownMetricError(f"there is no metric {name!r}; metrics: {', '.join(known)}") from None
