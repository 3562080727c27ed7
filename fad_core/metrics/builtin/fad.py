"""FAD: the Fréchet distance of the two sets' embeddings, all vectors of all files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.metrics.interval_options import JACKKNIFE, IntervalOptions
from fad_core.util.choices import choice, require_choices


@dataclass(frozen=True)
class FadOptions(IntervalOptions):
    """Options of the Fréchet Audio Distance.

    Raises:
        ArgumentError: a value is not one of its choices, or the level is not between 0 and 1.
    """

    ci: Literal["jackknife", "none"] = choice(
        "jackknife",
        "How bias and interval are estimated: jackknife (deletes groups of files), or none, which is faster.",
    )

    def __post_init__(self) -> None:
        require_choices(self)
        super().__post_init__()


def _compute(reference: MetricInput, evaluation: MetricInput, options: FadOptions) -> MetricValue:
    from fad_core.metrics.frechet import frechet_distance
    from fad_core.metrics.frechet_interval import frechet_interval
    from fad_core.metrics.frechet_system import FrechetSystem

    both = reference.statistics_of(), evaluation.statistics_of()
    distance = frechet_distance(*both)
    if options.ci == "none":
        return MetricValue(distance.value, note=distance.note, system=FrechetSystem(*both))
    found = frechet_interval(*both, distance.value, options.level)
    note = "; ".join(filter(None, (distance.note, found.note)))
    system = FrechetSystem(*both, found.effects)
    return MetricValue(distance.value, found.low, found.high, note, found.bias, found.corrected, system)


METRIC = Metric(
    "fad",
    "Fréchet Audio Distance",
    symmetric=True,
    needs=(Need("statistics"),),
    compute=_compute,
    zero_on_itself=True,
    options=FadOptions,
    interval=JACKKNIFE,
    bias="above which FAD lies by its bias",
)
