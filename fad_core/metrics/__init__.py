"""The metrics by name. Add one as a module of `fad_core.metrics.builtin`, or register it.

The module of a metric is imported when the metric is asked for. An edit of it, or a new one, re-runs only
steps that use it.
"""

from __future__ import annotations

import difflib
import pkgutil
import re
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from fad_core.errors import ArgumentError, UnknownMetricError
from fad_core.metrics import builtin
from fad_core.metrics.base import (
    CLAP_SCORE_NAME,
    ChosenMetric,
    Metric,
    MetricInput,
    MetricValue,
    Need,
    SetVectors,
)
from fad_core.metrics.pairing import PairedOptions, paired_files

__all__ = [
    "METRICS",
    "ChosenMetric",
    "Metric",
    "MetricInput",
    "MetricValue",
    "Need",
    "PairedOptions",
    "SetVectors",
    "choose_metric",
    "get_metric",
    "metric_names",
    "paired_files",
    "register_metric",
]

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
        metric: the metric, whose name consists of lower-case letters, digits, hyphens and underscores.

    Raises:
        ArgumentError: another metric has that name, or it has other characters than lower-case letters,
            digits, hyphens and underscores.

    >>> from fad_core.metrics import Metric, MetricValue, Need, get_metric
    >>> def shift(reference, evaluation):
    ...     means = (each.statistics_of().mean for each in (reference, evaluation))
    ...     return MetricValue(float(abs(next(means) - next(means)).max()))
    >>> needs = (Need("statistics"),)
    >>> register_metric(Metric("example_shift", "Largest shift of a mean", True, needs, shift))
    >>> get_metric("example_shift").title
    'Largest shift of a mean'
    """
    _require_name(metric.name)
    if metric.name in _built_in() or METRICS.setdefault(metric.name, metric) is not metric:
        raise ArgumentError(f"a metric {metric.name!r} exists already: choose another name")


def get_metric(name: str) -> Metric:
    """Return the metric of a name.

    Args:
        name: name of a metric that is built in, registered, or an entry point.

    Returns:
        The metric; its module is imported now if it was not before.

    Raises:
        UnknownMetricError: there is no such metric; the message lists all metrics.
        ArgumentError: the metric of an installed package cannot be used, or a built-in metric is not called
            as its module is.

    >>> get_metric("fad").title
    'Fréchet Audio Distance'
    """
    if name not in METRICS and name in _built_in():
        METRICS[name] = _load_built_in(name)
    if name not in METRICS:
        for entry in entry_points(group=ENTRY_POINTS, name=name):
            _register_installed(entry)
    try:
        return METRICS[name]
    except KeyError:
        known = metric_names()
        close = difflib.get_close_matches(name.lower().replace("_", "-"), [*known, CLAP_SCORE_NAME], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        if name == CLAP_SCORE_NAME:
            hint = " It compares files with captions, not two data sets."
        raise UnknownMetricError(f"there is no metric {name!r}.{hint} Metrics: {', '.join(known)}.") from None


def choose_metric(text: str) -> ChosenMetric:
    """Return a metric with its options.

    Args:
        text: its name and the options that differ from their defaults, such as "kad bandwidth=evaluation".

    Returns:
        The metric and an object with its options.

    Raises:
        UnknownMetricError: there is no such metric; the message lists all metrics.
        ConfigError: the metric has no such option, or the option no such value.

    >>> choose_metric("fad").metric.title
    'Fréchet Audio Distance'
    """
    name, _, options = text.strip().partition(" ")
    return ChosenMetric.of(get_metric(name), options)


def metric_names() -> list[str]:
    """Return the names of all metrics: built in, registered, and of installed packages.

    Returns:
        Each name once.

    >>> metric_names()[:2]
    ['coverage', 'density']
    """
    return list(dict.fromkeys([*_built_in(), *METRICS, *sorted(entry_points(group=ENTRY_POINTS).names)]))


def modules_of(name: str) -> tuple[str, ...]:
    """Return the names of the modules that define a metric, with which a digest of its code begins."""
    compute: object = get_metric(name).compute
    while isinstance(compute, partial):
        compute = compute.func
    own = [_module_of(name)] if name in _built_in() else []
    installed = (entry.module for entry in entry_points(group=ENTRY_POINTS, name=name))
    return tuple(dict.fromkeys((compute.__module__, *own, *installed)))


def _built_in() -> list[str]:
    """Return the names of the built-in metrics, those of their modules, of which none is imported."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(builtin.__path__))


def _module_of(name: str) -> str:
    return f"{builtin.__name__}.{name.replace('-', '_')}"


def _load_built_in(name: str) -> Metric:
    _require_name(name)
    module = import_module(_module_of(name))
    metric = getattr(module, "METRIC", None)
    if not isinstance(metric, Metric):
        raise ArgumentError(f"the module {module.__name__} defines no METRIC: add one, or move the module")
    if metric.name != name:
        _require_name(metric.name)
        raise ArgumentError(
            f"the metric of {module.__name__} is called {metric.name!r}, not {name!r}: rename one of them"
        )
    return metric


def _require_name(name: str) -> None:
    # Paths are made of names.
    if not re.fullmatch("[a-z0-9_-]+", name):
        raise ArgumentError(
            "a metric's name consists of lower-case letters, digits, hyphens and underscores, unlike "
            f"{name!r}"
        )


def _register_installed(entry: EntryPoint) -> None:
    try:
        metric = entry.load()
        if metric.name != entry.name:
            raise ArgumentError(f"its metric is called {metric.name!r}, not {entry.name!r}")
        register_metric(metric)
    except Exception as error:  # whatever another package's code raises
        raise ArgumentError(
            f"the metric {entry.name!r} of the installed package {entry.value!r} cannot be used "
            f"({type(error).__name__}: {error}): repair it or uninstall it"
        ) from error
