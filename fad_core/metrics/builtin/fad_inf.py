"""FAD∞: FAD extrapolated to an evaluation set of infinite size (`fad_core.metrics.extrapolation`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fad_core.errors import SettingError
from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.util.choices import choice, require_choices


@dataclass(frozen=True)
class FadInfOptions:
    """Options of FAD∞.

    Raises:
        ArgumentError: an option has no valid value.
    """

    sampling: Literal["without-replacement", "fadtk"] = choice(
        "without-replacement",
        "How parts of the evaluation set are drawn: whole files without replacement, or as fadtk does "
        "(single vectors with replacement, 25 sizes from 500 to all).",
    )
    points: int = choice(15, "Number of sizes of parts, at least 3; fadtk has 25.")
    repeats: int = choice(1, "Number of parts of each size.")
    seed: int = choice(0, "Seed of the draws.")

    def __post_init__(self) -> None:
        require_choices(self)
        for name, least in (("points", 3), ("repeats", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingError(name, f"must be a whole number of at least {least}, not {value!r}")


def _compute(reference: MetricInput, evaluation: MetricInput, options: FadInfOptions) -> MetricValue:
    from fad_core.metrics.extrapolation import extrapolate_fad

    fit = extrapolate_fad(
        reference.statistics_of(),
        evaluation.vectors_of(),
        sampling=options.sampling,
        points=options.points,
        repeats=options.repeats,
        seed=options.seed,
    )
    error, remains = fit.standard_error, "the bias from the reference's size remains"
    note = (
        f"no interval: the points of the line share vectors; {len(fit.points)} points, "
        f"R² {fit.r_squared:.3f}, standard error of the intercept {error:.3g}; {remains}"
    )
    points = tuple((each.n, each.fad, fit.intercept + fit.slope / each.n) for each in fit.points)
    return MetricValue(fit.intercept, note=note, points=points)


METRIC = Metric(
    "fad-inf",
    "FAD∞, extrapolated to infinite size",
    symmetric=False,
    needs=(Need("statistics"), Need("vectors", role="evaluation")),
    compute=_compute,
    options=FadInfOptions,
)
