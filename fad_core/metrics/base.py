"""What a metric is: a name, a title and a function of two sets of embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fad_core.metrics.mean_covariance import Moments
    from fad_core.metrics.statistics import Statistics


@dataclass(frozen=True)
class MetricValue:
    """One value of a metric.

    Attributes:
        value: the metric itself.
        ci_low: lower end of its confidence interval; None if the metric gives none.
        ci_high: upper end; None if the metric gives none.
        note: what a reader should know about this value; empty if nothing.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    note: str


@dataclass(frozen=True)
class Metric:
    """A distance between a reference and an evaluation set.

    Attributes:
        name: the id that configurations and tables use.
        title: what a heading says.
        symmetric: whether swapping reference and evaluation leaves the value as it is.
        needs: what `compute` takes of each set.
        compute: (reference, evaluation) → value; ValueError if the sets do not allow one.
    """

    name: str
    title: str
    symmetric: bool
    needs: Literal["statistics"]
    compute: Callable[[Statistics | Moments, Statistics | Moments], MetricValue]
